import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const WAIT_LIMIT_MS = 20 * 60_000;

/**
 * Run `work` while no other process runs it. Waits for another one that is alive; the lock of a dead one is taken over by
 * exactly one of those who wait, whose `link()` of the takeover file succeeds. (`src/host/lock.ts` does the same, but
 * isn't built yet when this runs.)
 */
export async function holdLock(path, say, work) {
  mkdirSync(dirname(path), { recursive: true });
  const own = { pid: process.pid, nonce: randomBytes(12).toString('hex') };
  const deadline = Date.now() + WAIT_LIMIT_MS;
  for (let waits = 0; ; waits++) {
    const other = take(path, own);
    if (other === null) break;
    if (waits === 0) say(`waiting for process ${other.pid}, which sets up already …`);
    if (Date.now() > deadline) {
      const problem = new Error(
        `setup: process ${other.pid} has held ${path} for 20 minutes. If it isn't a setup, remove that file.`,
      );
      throw Object.assign(problem, { exitCode: 3 });
    }
    await sleep(200);
  }
  try {
    return await work();
  } finally {
    if (read(path)?.nonce === own.nonce) rmSync(path);
  }
}

/** Null when the lock is ours now, else who has it. */
function take(path, own) {
  const file = `${path}.${own.nonce}.tmp`;
  writeFileSync(file, JSON.stringify(own));
  try {
    for (;;) {
      if (linked(file, path)) return null;
      const holder = lastSuccessor(path, read(path));
      if (holder === null) continue;
      if (isAlive(holder.pid)) return holder;
      if (!linked(file, takeover(path, holder))) continue;
      renameSync(file, path);
      return null;
    }
  } finally {
    rmSync(file, { force: true });
  }
}

/** Who ended between takeover and rename has successors that the lock file doesn't name yet. */
function lastSuccessor(path, holder) {
  const next = holder && read(takeover(path, holder));
  return next ? lastSuccessor(path, next) : holder;
}

const takeover = (path, { nonce }) => `${path}.takeover-${nonce}`;

function linked(from, to) {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
