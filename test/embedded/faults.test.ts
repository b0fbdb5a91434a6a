import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { apiLaneHolders, holdApiLane } from '../../src/embedded/api-hold.ts';
import { workerRecord } from '../../src/embedded/worker-record.ts';
import { ownIdentity } from '../../src/host/process-identity.ts';
import { canMount, SMALL_DISK_NEEDS, smallDisk } from '../support/small-disk.ts';
import { executable, newFolder } from './home-folder.ts';
import { StandInStack } from './stand-in-stack.ts';

let stack: StandInStack;
beforeAll(async () => {
  stack = await StandInStack.create();
  return () => stack.remove();
}, 120_000);
beforeEach(() => stack.freshHome());

const inHome = (name: string) => join(stack.home, name);
const NOTHING = { supervisor: 0, server: 0, worker: 0 };

describe('a pid that was given to somebody else, and a reboot', () => {
  test.each([
    ['another start time', { start_time: '1' }],
    ['another boot', { boot_id: 'the boot before this one' }],
  ])(
    'files that name a living pid with %s keep nobody from starting',
    async (_name, other) => {
      const foreign = { ...ownIdentity(), ...other };
      const state = {
        schema_version: 1,
        status: 'ready',
        address: '127.0.0.1:1',
        webUi: 'http://127.0.0.1:2',
        draining: false,
        supervisor: { pid: process.pid },
        server: { pid: process.pid },
        worker: { pid: process.pid },
      };
      writeFileSync(inHome('supervisor.lock'), JSON.stringify({ ...foreign, nonce: 'old', taken_at: '' }));
      writeFileSync(inHome('embedded.json'), JSON.stringify(state));
      writeFileSync(inHome('worker.json'), JSON.stringify({ ...foreign, phase: 'ready', api_lane: 'polls' }));
      expect(await stack.status()).toBe('down');
      const { address } = await stack.up();
      expect(address).not.toBe('127.0.0.1:1');
      expect(await stack.pids()).not.toMatchObject({ supervisor: process.pid });
      await stack.down(true);
    },
    60_000,
  );

  test('a worker is not taken for ready by the words of another process with its pid', async () => {
    const words = { phase: 'ready', api_lane: 'polls', imgproof_version: '', salt: '', hashes: {} };
    writeFileSync(inHome('worker.json'), JSON.stringify({ ...ownIdentity(), start_time: '1', ...words }));
    expect(await workerRecord(stack.home, ownIdentity())).toBeNull();
    writeFileSync(inHome('worker.json'), JSON.stringify({ ...ownIdentity(), ...words }));
    expect(await workerRecord(stack.home, ownIdentity())).toMatchObject({ phase: 'ready' });
  });

  test('paid calls are held back by living processes only', async () => {
    const release = await holdApiLane(stack.home);
    writeFileSync(
      join(stack.home, 'api-holds', '1-dead.json'),
      JSON.stringify({ ...ownIdentity(), start_time: '1' }),
    );
    expect(await apiLaneHolders(stack.home)).toMatchObject([{ pid: process.pid }]);
    await release();
    expect(await apiLaneHolders(stack.home)).toEqual([]);
    expect(readdirSync(join(stack.home, 'api-holds'))).toEqual([]);
  });
});

describe('a database that can not be served', () => {
  const database = () => inHome('temporal.db');

  /** A home whose server has served, and has ended. */
  async function servedOnce(): Promise<void> {
    await stack.up();
    await stack.down(true);
  }

  async function refusal(cli?: string): Promise<string> {
    const error = await stack.up(cli).then(
      () => ({ message: 'it came up' }),
      (reason: unknown) => reason as { message: string; exitCode: number },
    );
    expect(error).toMatchObject({ exitCode: 3 });
    expect(await stack.pids()).toEqual(NOTHING);
    return error.message;
  }

  test.each([
    ['is no database', (bytes: Buffer) => Buffer.from(bytes.map((byte, i) => (i < 100 ? 7 : byte)))],
    ['is cut off', (bytes: Buffer) => bytes.subarray(0, 5000)],
  ])(
    'because it %s: exit 3 with the file and the way out, soon, and nothing left running',
    async (_name, damage) => {
      await servedOnce();
      writeFileSync(database(), damage(readFileSync(database())));
      for (const part of ['-wal', '-shm'])
        if (existsSync(database() + part)) renameSync(database() + part, inHome(part));
      const startedAt = Date.now();
      const message = await refusal();
      expect(Date.now() - startedAt).toBeLessThan(30_000);
      expect(message).toMatch(/database of the embedded Temporal is damaged/u);
      expect(message).toContain(database());
      expect(message).toMatch(/move .* away/u);
      expect(message).toContain('adopts what is proven');
      renameSync(database(), inHome('moved-away'));
      await stack.up();
      expect(await stack.status()).toBe('ready');
      await stack.down(true);
    },
    90_000,
  );

  test('because a newer Temporal served it: exit 3 names both; the newer one goes on with it', async () => {
    const newer = executable(
      join(newFolder(), 'temporal'),
      `#!/bin/sh\nif [ "$1" = --version ]; then echo 'temporal version 1.99.0 (Server 1.99.3, UI 9.9.9)'; else exec ${stack.cli} "$@"; fi\n`,
    );
    await stack.up(newer);
    await stack.down(true);
    const message = await refusal();
    expect(message).toContain(database());
    expect(message).toContain('1.99.0 (Server 1.99.3');
    expect(message).toMatch(/the one in use now is 1\.\d+\.\d+ \(Server/u);
    expect(message).toContain('TEMPORAL_CLI_PATH');
    await stack.up(newer);
    await stack.down(true);
    renameSync(database(), inHome('moved-away'));
    await stack.up();
    expect(await stack.status()).toBe('ready');
    await stack.down(true);
  }, 90_000);

  test('because its server was killed in its first start: it is set aside, and a new one is made', async () => {
    writeFileSync(database(), '');
    writeFileSync(`${database()}-journal`, 'half');
    await stack.up();
    expect(await stack.status()).toBe('ready');
    expect(readdirSync(stack.home)).toEqual(
      expect.arrayContaining([
        'temporal.db',
        'temporal.db.unserved',
        'temporal.db.unserved-journal',
        'server.json',
      ]),
    );
    await stack.down(true);
  }, 60_000);
});

describe('a full disk at the start', () => {
  beforeEach((context) => context.skip(!canMount(), SMALL_DISK_NEEDS));

  test.each([
    ['without room for a file', '64k'],
    ['without room for a database', '400k'],
  ])(
    '%s is exit 3 with the place, soon, and nothing stays running',
    async (_name, size) => {
      const disk = smallDisk(size);
      onTestFinished(() => disk.remove());
      stack.home = join(disk.folder, 'home');
      if (size === '64k') disk.fill();
      const startedAt = Date.now();
      await expect(stack.up()).rejects.toMatchObject({
        exitCode: 3,
        // A database that took the last room leaves none for the supervisor to say so.
        message: expect.stringMatching(
          /home .* can't be written: no space is left on its disk|disk of the embedded Temporal's database is full/u,
        ) as string,
      });
      expect(Date.now() - startedAt).toBeLessThan(30_000);
      await expect.poll(() => stack.pids(), { timeout: 30_000 }).toEqual(NOTHING);
    },
    90_000,
  );
});
