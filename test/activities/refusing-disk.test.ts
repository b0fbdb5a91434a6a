/** One operation that a disk refuses, in the middle of a durable write, loses nothing and blocks nobody (R5). */
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { afterEach, expect, test, vi } from 'vitest';
import { type ActivityWorld, activityWorld } from '../support/activity-world.ts';

type Operation = (...args: never[]) => Promise<unknown>;
/** The module that all of ours import their functions from. */
const disk = createRequire(import.meta.url)('node:fs/promises') as Record<
  'open' | 'link' | 'rename',
  Operation
>;
const real = { ...disk };
vi.setConfig({ testTimeout: 60_000 });

afterEach(() => {
  Object.assign(disk, real);
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
