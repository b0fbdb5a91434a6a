import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { acquireLock, lockHolder } from '../../src/host/lock.ts';
import { identify, isRunning, ownIdentity } from '../../src/host/process-identity.ts';
import { tempFolder } from '../support/temp-folder.ts';

const HOLDER = new URL('../support/lock-holder.ts', import.meta.url).pathname;

async function holder(path: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', HOLDER, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [data] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: data.toString().trim() };
}

describe('lock', () => {
  test('a lock held by a running process is held for everybody else, and names its holder', async () => {
    const path = join(tempFolder(), 'lock');
    const { child, said } = await holder(path);
    expect(said).toBe('acquired');
    const result = await acquireLock(path);
    expect(result).toMatchObject({ kind: 'held', by: { pid: child.pid } });
    expect(await lockHolder(path)).toMatchObject({ pid: child.pid });
  });

  test('the lock of a process killed with SIGKILL is taken over at once, also while it is a zombie', async () => {
    const path = join(tempFolder(), 'lock');
    const { child } = await holder(path);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await lockHolder(path)).toBeNull();
    expect(await acquireLock(path)).toMatchObject({ kind: 'acquired' });
    expect(await lockHolder(path)).toMatchObject({ pid: process.pid });
  });

  test('a released lock leaves nothing behind and can be taken again', async () => {
    const folder = tempFolder();
    const path = join(folder, 'lock');
    for (let round = 0; round < 3; round += 1) {
      const lock = await acquireLock(path);
      if (lock.kind !== 'acquired') throw new Error('held');
      await lock.release();
      expect(await readdir(folder)).toEqual([]);
    }
  });

  test('of 12 processes that find the same stale lock exactly one gets it', async () => {
    const path = join(tempFolder(), 'lock');
    const { child } = await holder(path);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const rivals = await Promise.all(Array.from({ length: 12 }, () => holder(path)));
    expect(rivals.filter(({ said }) => said === 'acquired')).toHaveLength(1);
  }, 60_000);

  test('a recycled pid does not keep a lock: start time and boot id must fit too', async () => {
    const path = join(tempFolder(), 'lock');
    await writeFile(path, JSON.stringify({ ...ownIdentity(), start_time: '1', nonce: 'old', taken_at: '' }));
    expect(await acquireLock(path)).toMatchObject({ kind: 'acquired' });
    const rebooted = { ...ownIdentity(), boot_id: 'another boot' };
    expect(isRunning(rebooted)).toBe(false);
    expect(isRunning(ownIdentity())).toBe(true);
    expect(identify(2 ** 22 + 1)).toBeNull();
  });

  test('a winner that died between takeover and rename does not block the lock', async () => {
    const path = join(tempFolder(), 'lock');
    const dead = (nonce: string) =>
      JSON.stringify({ ...ownIdentity(), start_time: '1', nonce, taken_at: '' });
    await writeFile(path, dead('first'));
    await writeFile(`${path}.takeover-first`, dead('second'));
    expect(await acquireLock(path)).toMatchObject({ kind: 'acquired' });
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid });
  });
});
