/** A decoder that is broken costs no money, and never an answer that was paid (R4, R5, G9). */
import sharp from 'sharp';
import { afterEach, expect, test, vi } from 'vitest';
import { type ActivityWorld, activityWorld, failureOf } from '../support/activity-world.ts';
import { recordOutcome, reportOf } from '../support/play-task.ts';

const BROKEN = 'Could not load the "sharp" module using the linux-x64 runtime';
afterEach(() => void vi.restoreAllMocks());

/** Something that nobody foresaw breaks behind the answer, until mended. */
function breakJudging({ deps }: ActivityWorld) {
  return vi.spyOn(deps.spool, 'claimImage').mockRejectedValue(new Error(BROKEN));
}

test('a worker that can’t decode images sends nothing, and says what to do; once mended it sends', async () => {
  const world = await activityWorld();
  const decoder = vi.spyOn(sharp.prototype, 'toBuffer').mockRejectedValue(new Error(BROKEN));
  const refused = await failureOf(world.attempt(world.task()));
  expect(refused).toMatchObject({ nonRetryable: false, details: [{ category: 'environment' }] });
  expect(refused.message).toMatch(
    /^this worker can't decode images \(.*Could not load .*\); nothing was sent: install/u,
  );
  expect(refused.nextRetryDelay).toBe(60_000);
  expect(world.provider.calls).toHaveLength(0);
  decoder.mockRestore();
  await world.attempt(world.task(), 2).result;
  expect(world.provider.calls).toHaveLength(1);
});

test('an answer that can’t be judged is listed as paid and kept; another attempt makes the image of it', async () => {
  const world = await activityWorld();
  const judging = breakJudging(world);
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
  judging.mockRestore();
  expect((await world.attempt(world.task(), 3).result).attempt).toBe(1);
  expect(await world.recordOf(world.task())).toMatchObject({ ok: true, billing: 'yes' });
  expect(world.provider.calls).toHaveLength(1);
});

test('a task that ends before its answer can be judged lists it as paid', async () => {
  const world = await activityWorld();
  const task = world.task();
  breakJudging(world);
  const later = await failureOf(world.attempt(task));
  const { row } = await recordOutcome(
    world,
    task,
    { status: 'failed', failure: reportOf(later) },
    Date.now(),
  );
  expect(row).toMatchObject({ status: 'failed', billing: { yes: 1, possible: 0 } });
});
