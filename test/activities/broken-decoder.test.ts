/** A decoder that is broken costs no money, and never an answer that was paid (R4, R5, G9). */
import { beforeEach, expect, test, vi } from 'vitest';
import { activityWorld, failureOf } from '../support/activity-world.ts';
import { recordOutcome, reportOf } from '../support/play-task.ts';

const BROKEN = 'Could not load the "sharp" module using the linux-x64 runtime';
const host = vi.hoisted(() => ({ breaks: 'never' as 'never' | 'before the request' | 'after the answer' }));

vi.mock('../../src/artifacts/image-file.ts', async (original) => {
  const real = await original<typeof import('../../src/artifacts/image-file.ts')>();
  return {
    ...real,
    decoderProblem: async () => (host.breaks === 'before the request' ? BROKEN : real.decoderProblem()),
    inspectImage: async (...args: Parameters<typeof real.inspectImage>) => {
      if (host.breaks !== 'never') throw new Error(BROKEN);
      return real.inspectImage(...args);
    },
  };
});

beforeEach(() => {
  host.breaks = 'never';
});

// First of all: a process that has proven its decoder asks no more.
test('a worker that can’t decode images sends nothing, and says what to do; once mended it sends', async () => {
  const world = await activityWorld();
  host.breaks = 'before the request';
  const refused = await failureOf(world.attempt(world.task()));
  expect(refused).toMatchObject({ nonRetryable: false, details: [{ category: 'environment' }] });
  expect(refused.message).toMatch(
    /^this worker can't decode images \(Could not load .*\); nothing was sent: install/u,
  );
  expect(refused.nextRetryDelay).toBe(60_000);
  expect(world.provider.calls).toHaveLength(0);
  host.breaks = 'never';
  await world.attempt(world.task(), 2).result;
  expect(world.provider.calls).toHaveLength(1);
});

test('an answer that can’t be judged is listed as paid and kept; another attempt makes the image of it', async () => {
  const world = await activityWorld();
  host.breaks = 'after the answer';
  for (const n of [1, 2]) {
    const later = await failureOf(world.attempt(world.task(), n));
    expect(later).toMatchObject({
      nonRetryable: false,
      nextRetryDelay: 15_000 * n,
      details: [{ category: 'internal', http_status: 200 }],
    });
    expect(later.message).toMatch(
      /^the answer is paid and kept, and could not be judged: Could not load the "sharp"/u,
    );
  }
  expect(await world.recordOf(world.task())).toMatchObject({
    ok: false,
    category: 'internal',
    billing: 'yes',
  });
  host.breaks = 'never';
  expect((await world.attempt(world.task(), 3).result).attempt).toBe(1);
  expect(await world.recordOf(world.task())).toMatchObject({ ok: true, billing: 'yes' });
  expect(world.provider.calls).toHaveLength(1);
});

test('a task that ends before its answer can be judged lists it as paid', async () => {
  const world = await activityWorld();
  const task = world.task();
  host.breaks = 'after the answer';
  const later = await failureOf(world.attempt(task));
  const { row } = await recordOutcome(
    world,
    task,
    { status: 'failed', failure: reportOf(later) },
    Date.now(),
  );
  expect(row).toMatchObject({ status: 'failed', billing: { yes: 1, possible: 0 } });
});
