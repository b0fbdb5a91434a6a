/** A clock that is set while a task waits neither prolongs the announced wait nor cuts it short (R3). */
import { setTimeout as sleep } from 'node:timers/promises';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { AttemptRecord } from '../../src/domain/records.ts';
import { type ActivityWorld, activityWorld, failureOf } from '../support/activity-world.ts';

const HOUR_MS = 3_600_000;
const realNow = Date.now.bind(Date);
afterEach(() => void vi.restoreAllMocks());

function setClockBack(ms: number): void {
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() - ms);
}

/** A world whose task was told to wait for 2 s. */
async function refused(): Promise<ActivityWorld> {
  const world = await activityWorld({ script: [{ kind: '429', retryAfter: '2' }] });
  await failureOf(world.attempt(world.task()));
  return world;
}

test.each([
  ['an hour', HOUR_MS],
  ['a second', 1_000],
])('set back by %s: the rest of the wait is waited for, and then the request is sent', async (_, ms) => {
  const world = await refused();
  setClockBack(ms);
  const early = await failureOf(world.attempt(world.task(), 2));
  expect(early.nextRetryDelay as number).toBeLessThanOrEqual(2_000);
  expect(world.provider.calls).toHaveLength(1);
  await sleep(Number(early.nextRetryDelay) + 50);
  expect((await world.attempt(world.task(), 3).result).attempt).toBe(2);
});

test('set back by an hour while another process comes: it waits as long as announced at most, once', async () => {
  const world = await refused();
  await recordAsOfAnotherProcess(world, HOUR_MS);
  const told = world.attempt(world.task(), 2);
  const early = await failureOf(told);
  expect(early.nextRetryDelay as number).toBeGreaterThan(1_900);
  expect(early.nextRetryDelay as number).toBeLessThan(2_500);
  const heartbeatDetails = told.heartbeats.at(-1) ?? {};
  expect((await world.attempt(world.task(), 3, { heartbeatDetails }).result).attempt).toBe(2);
  expect(world.provider.calls).toHaveLength(2);
});

/** The end of request 1 as a run of the past wrote it, by a clock that is ahead of this one. */
async function recordAsOfAnotherProcess({ spoolDir, task }: ActivityWorld, aheadMs: number): Promise<void> {
  const { generation_id, request_fingerprint } = task();
  const path = join(spoolDir, generation_id, request_fingerprint.slice(0, 16), '01.end.json');
  const record = JSON.parse(await readFile(path, 'utf8')) as AttemptRecord;
  const later = (iso: string | null) => new Date(Date.parse(iso ?? '') + aheadMs).toISOString();
  const moved = { next_attempt_at: later(record.next_attempt_at), ended_at: later(record.ended_at) };
  await writeFile(path, JSON.stringify({ ...record, ...moved }));
}
