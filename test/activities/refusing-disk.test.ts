/** One operation that a disk refuses, in the middle of a durable write, loses nothing and blocks nobody (R5). */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { CancelledFailure } from '@temporalio/common';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createPaidActivities } from '../../src/activities/index.ts';
import { type ActivityWorld, activityWorld, failureOf } from '../support/activity-world.ts';

type Operation = (...args: never[]) => Promise<unknown>;
/** The module that all of ours import their functions from. */
const disk = createRequire(import.meta.url)('node:fs/promises') as Record<
  'open' | 'link' | 'rename',
  Operation
>;
const real = { ...disk };
type Sleep = (ms: number, ...rest: unknown[]) => Promise<unknown>;
const timers = createRequire(import.meta.url)('node:timers/promises') as { setTimeout: Sleep };
const realSleep = timers.setTimeout;
vi.setConfig({ testTimeout: 60_000 });

afterEach(() => {
  Object.assign(disk, real);
  timers.setTimeout = realSleep;
  syncBuiltinESMExports();
});

function replaceOperations(operations: Partial<typeof disk>): void {
  Object.assign(disk, operations);
  syncBuiltinESMExports();
}

const refused = (code: string) => Object.assign(new Error(`${code}: refused`), { code });

/** The folder is not synced, once, after a file with such a name was put into it. */
function refuseSyncAfter(suffix: string): () => number {
  let [isNext, times] = [false, 0];
  replaceOperations({
    link: async (from: string, to: string) => {
      await (real.link as (from: string, to: string) => Promise<void>)(from, to);
      if (to.endsWith(suffix) && times === 0) isNext = true;
    },
    open: async (path: string, flags: string, ...rest: unknown[]) => {
      if (!isNext || flags !== 'r')
        return (real.open as (...args: unknown[]) => Promise<unknown>)(path, flags, ...rest);
      [isNext, times] = [false, times + 1];
      throw refused('EMFILE');
    },
  });
  return () => times;
}

async function expectOneImage(world: ActivityWorld): Promise<void> {
  expect([world.provider.calls.length, (await world.images()).length]).toEqual([1, 1]);
}

test('an answer whose name the disk did not take for good is written again, not taken for a foreign one', async () => {
  const world = await activityWorld();
  const times = refuseSyncAfter('.answer');
  await world.attempt(world.task()).result;
  expect(times()).toBe(1);
  await expectOneImage(world);
});

test('a lock that was taken half-way does not keep its own process waiting', async () => {
  const world = await activityWorld();
  const times = refuseSyncAfter('/lock');
  await expect(world.attempt(world.task()).result).rejects.toMatchObject({ nonRetryable: false });
  expect(times()).toBe(1);
  await world.attempt(world.task(), 2).result;
  await expectOneImage(world);
});

test('a lock that could not be given back costs no image, and holds nothing in its own process', async () => {
  const world = await activityWorld();
  let times = 0;
  replaceOperations({
    rename: async (from: string, to: string) => {
      if (!to.includes('/lock.released-') || times > 0)
        return (real.rename as (from: string, to: string) => Promise<void>)(from, to);
      times += 1;
      throw refused('EIO');
    },
  });
  const first = await world.attempt(world.task()).result;
  expect(times).toBe(1);
  expect(await world.attempt(world.task(), 2).result).toEqual(first);
  await expectOneImage(world);
});

describe('a paid answer that the disk refuses for long (R4, R5)', () => {
  /** No file of such a name gets it until the disk is mended; waits of 5 s pass at once. */
  function refuseAnswers(names = /\.answer$/u): { tries: () => number; mend: () => void } {
    let [tries, isMended] = [0, false];
    timers.setTimeout = (ms, ...rest) => realSleep(ms === 5_000 ? 1 : ms, ...rest);
    replaceOperations({
      link: async (from: string, to: string) => {
        if (isMended || !names.test(to))
          return (real.link as (from: string, to: string) => Promise<void>)(from, to);
        tries += 1;
        throw Object.assign(new Error(`ENOSPC: no space left on device, link '${to}'`), { code: 'ENOSPC' });
      },
    });
    return { tries: () => tries, mend: () => void (isMended = true) };
  }

  test('is kept in memory as long as its process lives, and becomes the image when the disk takes it', async () => {
    const world = await activityWorld();
    const { tries, mend } = refuseAnswers();
    const first = world.attempt(world.task());
    await expect.poll(tries, { timeout: 20_000 }).toBeGreaterThan(400);
    mend();
    expect((await first.result).attempt).toBe(1);
    expect(await world.recordOf(world.task())).toMatchObject({ ok: true, billing: 'yes' });
    await expectOneImage(world);
  });

  test('an attempt that joins says what is waited for; a cancel that means now does not wait for the disk (B7)', async () => {
    const world = await activityWorld();
    const { tries, mend } = refuseAnswers();
    const first = world.attempt(world.task());
    await expect.poll(tries).toBeGreaterThan(1);
    first.cancel('timedOut');
    const second = world.attempt(world.task(), 2);
    await expect
      .poll(() => second.heartbeats.at(-1))
      .toMatchObject({
        waiting_for: 'a disk that refuses',
        disk_problem: 'ENOSPC: no space left on device',
        now: expect.stringMatching(/^request 1 has ended and what came of it can't be written \(ENOSPC: /u),
      });
    second.cancel('cancelRequested');
    await expect(second.result).rejects.toBeInstanceOf(CancelledFailure);
    expect(await world.spooledAnswers()).toEqual([]);
    mend();
    await first.result;
    await expectOneImage(world);
  });

  test.each([
    ['', /\.answer$/u],
    [', also when only the task’s folder takes that', /\.(?:answer|end\.json)$/u],
  ])('that is lost because its worker has to end is recorded as answered and paid%s', async (_, names) => {
    const world = await activityWorld();
    const { mend } = refuseAnswers(names);
    const worker = createPaidActivities({ ...world.deps, leaving: lateSignal(world) });
    const failure = await failureOf(world.attempt(world.task(), 1, { worker }));
    expect(failure).toMatchObject({ nonRetryable: false, details: [{ category: 'worker_died' }] });
    const record = await world.recordOf(world.task());
    expect(record).toMatchObject({ ok: false, phase: 'done', http_status: 200, billing: 'yes' });
    expect(record.error).toMatch(
      /^request 1 was answered \(HTTP 200, \d+ bytes\) and paid; the disk refused/u,
    );
    mend();
    expect((await world.attempt(world.task(), 2).result).attempt).toBe(2);
    expect(await world.recordOf(world.task())).toEqual(record);
  });
});

/** SIGTERM once the request is out. */
function lateSignal(world: ActivityWorld): AbortSignal {
  const leaving = new AbortController();
  void world.provider.waitForInFlight(1).then(() => leaving.abort());
  return leaving.signal;
}
