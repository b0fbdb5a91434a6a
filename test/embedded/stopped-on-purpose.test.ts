/** What a command that waits sees of a stack that somebody stops: it is not started again (SPEC C5), at no moment of the stop. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { isLeftAlone, isStoppedOnPurpose } from '../../src/embedded/embedded.ts';
import { type EmbeddedState, homeFiles, writeState } from '../../src/embedded/home.ts';
import { acquireLock } from '../../src/host/lock.ts';
import { newHome } from './home-folder.ts';

let home: string;
beforeEach(() => {
  home = newHome();
});

const publish = (fields: Partial<EmbeddedState>) =>
  writeState(home, {
    status: 'ready',
    supervisor: { pid: process.pid },
    server: null,
    worker: null,
    draining: false,
    address: null,
    webUi: null,
    netns: null,
    startedAt: new Date().toISOString(),
    temporalVersion: '0',
    ...fields,
  });

const supervisor = async () => {
  const lock = await acquireLock(homeFiles(home).lock);
  if (lock.kind === 'held') throw new Error('the lock is held');
  return lock;
};

const ASKED = { stopReason: 'asked' } as const;

test.each<[string, Partial<EmbeddedState>, isStopped: boolean]>([
  ['works', { status: 'ready' }, false],
  ['starts', { status: 'starting' }, false],
  ['ends worker and server', { status: 'stopping', ...ASKED }, true],
  ['has ended them, and its file is still there', { status: 'down', ...ASKED }, true],
  ['stops because nobody needs it', { status: 'stopping', stopReason: 'idle' }, false],
])('a supervisor that %s', async (_, state, isStopped) => {
  const lock = await supervisor();
  await publish(state);
  expect(await isStoppedOnPurpose(home)).toBe(isStopped);
  await lock.release();
});

test('a supervisor that has removed its file, and has not let go of its lock, is waited for', async () => {
  const lock = await supervisor();
  const seen = isStoppedOnPurpose(home);
  await sleep(200);
  await lock.release();
  expect(await seen).toBe(true);
});

test('a supervisor that has its lock and no file yet is waited for', async () => {
  await supervisor();
  const seen = isStoppedOnPurpose(home);
  await sleep(200);
  await publish({ status: 'starting' });
  expect(await seen).toBe(false);
});

test.each<[string, Partial<EmbeddedState>, isStopped: boolean]>([
  ['while it worked', { status: 'ready' }, false],
  ['while it stopped everything', { status: 'stopping', ...ASKED }, true],
  ['when it had stopped everything', { status: 'down', ...ASKED }, true],
])('a supervisor that was killed %s', async (_, state, isStopped) => {
  await publish(state);
  expect([await isStoppedOnPurpose(home), await isLeftAlone(home)]).toEqual([isStopped, !isStopped]);
});

test('nobody', async () => {
  await rm(homeFiles(home).state, { force: true });
  expect([await isStoppedOnPurpose(home), await isLeftAlone(home)]).toEqual([true, false]);
});
