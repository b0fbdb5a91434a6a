/** Work that nobody else does at the same time, neither in this process nor in another one of this machine. */
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireLock } from './lock.ts';

/** Longest wait for another process, milliseconds. */
const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 15;

/** In this process those who wait stand in line; the file is asked for by one of them at a time. */
const lines = new Map<string, Promise<unknown>>();

/** Hold the lock file at `path`, whose folder must exist. Throws when another process keeps it for 20 s. */
export function whileHeld<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = lines.get(path) ?? Promise.resolve();
  const mine = before.then(() => heldFor(path, work));
  const done = mine
    .catch(() => undefined)
    .finally(() => {
      if (lines.get(path) === done) lines.delete(path);
    });
  lines.set(path, done);
  return mine;
}

async function heldFor<T>(path: string, work: () => Promise<T>): Promise<T> {
  const release = await acquired(path);
  try {
    return await work();
  } finally {
    await release();
  }
}

async function acquired(path: string): Promise<() => Promise<void>> {
  const limit = Date.now() + PATIENCE_MS;
  for (;;) {
    const lock = await acquireLock(path);
    if (lock.kind === 'acquired') return lock.release;
    if (Date.now() > limit)
      throw new Error(`${path} is held by process ${lock.by.pid} for more than ${PATIENCE_MS / 1000} s`);
    await sleep(LOOK_AGAIN_MS);
  }
}
