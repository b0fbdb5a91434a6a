/** One task's refusal slows down all tasks of that worker and provider (R1, R3): visibly, and at no cost to them. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CancelledFailure } from '@temporalio/common';
import { createPaidActivities } from '../../src/activities/index.ts';
import { FAILURE_TYPES } from '../../src/domain/failure.ts';
import { ProviderLanes } from '../../src/provider/lane.ts';
import { type ActivityWorld, activityWorld, API_KEY, failureOf } from '../support/activity-world.ts';
import { newClock, playTask } from '../support/play-task.ts';
import type { ScriptStep } from '../support/provider-script.ts';

/** A world whose first task was just refused so; the second one, and what the provider saw until now. */
async function slowedDown(refusal: ScriptStep) {
  const world = await activityWorld({ script: [refusal] });
  const [one, two] = [named(world, 'one'), named(world, 'two')];
  const refused = await failureOf(world.attempt(one));
  expect(world.provider.calls).toHaveLength(1);
  return { ...world, world, two, refused };
}

function named(world: ActivityWorld, name: string, wish: Parameters<ActivityWorld['task']>[0] = {}) {
  const run_dir = join(world.outputDir, 'batches', name);
  return world.task({ task_key: name, task_name: name, run_dir, ...wish });
}

const busy = (seconds: number, kind: '429' | '503' = '429'): ScriptStep => ({
  kind,
  retryAfter: `${seconds}`,
});

describe('while a provider has asked for fewer requests', () => {
  test.each(['429', '503'] as const)(
    'a task that was not refused itself waits too, after a %s, and sends nothing before the announced time',
    async (kind) => {
      const { world, two } = await slowedDown(busy(2, kind));
      const waiting = world.attempt(two);
      await expect
        .poll(async () => (await world.stateOf(two).catch(() => null))?.waiting_for)
        .toBe('the provider');
      const { next_attempt_at } = await world.stateOf(two);
      const saidMs = Date.parse(world.provider.calls[0]?.ended_at ?? '');
      expect(Date.parse(next_attempt_at ?? '')).toBeGreaterThanOrEqual(saidMs + 2_000);
      expect(world.provider.calls).toHaveLength(1);
      expect((await waiting.result).attempt).toBe(1);
      const [first, second] = world.provider.calls;
      const passedMs = Date.parse(second?.arrived_at ?? '') - Date.parse(first?.ended_at ?? '');
      expect(passedMs).toBeGreaterThanOrEqual(2_000);
      expect(await world.recordOf(two)).toMatchObject({ ok: true, attempt: 1, temporal_attempt: 1 });
    },
  );

  test('its signs of life say until when', async () => {
    const { world, two } = await slowedDown(busy(6));
    const waiting = world.attempt(two);
    await waiting.result;
    const told = waiting.heartbeats.find(({ waiting_for }) => waiting_for === 'the provider');
    expect(told).toMatchObject({ sent: false, attempt: 0 });
    expect(told?.now).toMatch(/asked this worker to slow down: no request before \d\d:\d\d:\d\d UTC/u);
    expect(Date.parse(told?.next_attempt_at ?? '')).not.toBeNaN();
  });

  test('a longer wait is left to Temporal: the slot is free, nothing is sent, nothing counts', async () => {
    const { world, two, refused } = await slowedDown(busy(120));
    expect(refused.nextRetryDelay).toBeGreaterThan(115_000);
    const left = await failureOf(world.attempt(two));
    expect(left).toMatchObject({ nonRetryable: false, details: [{ category: 'rate_limited' }] });
    expect(left.message).toMatch(
      /^happy asked this worker to slow down until \d{4}-.*; nothing was sent \(HTTP 429 \(rate_limit_exceeded\)/u,
    );
    expect(left.nextRetryDelay).toBeGreaterThan(110_000);
    expect(left.nextRetryDelay).toBeLessThanOrEqual(120_000);
    const later = { scheduledAtMs: Date.now() + 121_000 };
    expect((await world.attempt(two, 2, later).result).attempt).toBe(1);
    expect(world.provider.calls).toHaveLength(2);
  });

  test('a cancel ends the wait at once, and nothing is sent', async () => {
    const { world, two } = await slowedDown(busy(20));
    const waiting = world.attempt(two);
    await expect
      .poll(async () => (await world.stateOf(two).catch(() => null))?.waiting_for)
      .toBe('the provider');
    const atMs = performance.now();
    waiting.cancel('cancelRequested');
    await expect(waiting.result).rejects.toBeInstanceOf(CancelledFailure);
    expect(performance.now() - atMs).toBeLessThan(5_000);
    expect(world.provider.calls).toHaveLength(1);
    await expect(world.recordOf(two)).rejects.toThrow('ENOENT');
  });

  test('a worker that leaves lets nobody wait: the request is left to another one (R6)', async () => {
    const { world, two } = await slowedDown(busy(20));
    const leaving = new AbortController();
    const worker = createPaidActivities({ ...world.deps, leaving: leaving.signal });
    const waiting = world.attempt(two, 1, { worker });
    await expect
      .poll(async () => (await world.stateOf(two).catch(() => null))?.waiting_for)
      .toBe('the provider');
    leaving.abort();
    const left = await failureOf(waiting);
    expect(left).toMatchObject({ nonRetryable: false, details: [{ category: 'rate_limited' }] });
    expect(world.provider.calls).toHaveLength(1);
  });

  test('a worker that leaves sends nothing new, slowed down or not (R6)', async () => {
    const world = await activityWorld({});
    const worker = createPaidActivities({ ...world.deps, leaving: AbortSignal.abort() });
    const left = await failureOf(world.attempt(world.task(), 1, { worker }));
    expect(left).toMatchObject({ nonRetryable: false, details: [{ category: 'worker_died' }] });
    expect(world.provider.calls).toHaveLength(0);
    await world.attempt(world.task(), 2).result;
    expect(world.provider.calls).toHaveLength(1);
  });

  test('a message that is delivered while the worker starts goes first; the call comes after it (C5)', async () => {
    const world = await activityWorld({});
    let isHeld = true;
    const worker = createPaidActivities({ ...world.deps, isHeld: () => Promise.resolve(isHeld) });
    const waiting = world.attempt(world.task(), 1, { worker });
    await sleep(600);
    expect(world.provider.calls).toHaveLength(0);
    isHeld = false;
    const held = await failureOf(waiting);
    expect([held.nonRetryable, held.message]).toEqual([false, expect.stringContaining('nothing was sent')]);
    expect(world.provider.calls).toHaveLength(0);
    await world.attempt(world.task(), 2, { worker }).result;
    expect(world.provider.calls).toHaveLength(1);
  });

  test('a wait that the time of the task does not allow ends it (S)', async () => {
    const { world } = await slowedDown(busy(2));
    const late = named(world, 'late', { task_timeout_ms: 12_000 });
    const heartbeatDetails = { deadline_at: new Date(Date.now() + 6_000).toISOString() };
    const ended = await failureOf(world.attempt(late, 1, { heartbeatDetails }));
    expect(ended).toMatchObject({ nonRetryable: true, details: [{ category: 'task_deadline' }] });
    expect(world.provider.calls).toHaveLength(1);
  });

  test('another provider is not slowed down, nor another worker', async () => {
    const { world, provider, deps } = await slowedDown(busy(60));
    await world.configure({ baseUrl: provider.baseUrl, apiKey: API_KEY });
    const worker = createPaidActivities({ ...deps, lanes: new ProviderLanes() });
    expect((await world.attempt(named(world, 'elsewhere'), 1, { worker }).result).attempt).toBe(1);
    const lanes = new ProviderLanes();
    lanes.of('happy').slowDown(0, { waitMs: 60_000, maxMs: 60_000, reason: 'busy' }, Date.now());
    expect([lanes.of('happy').waitMs(Date.now()) > 0, lanes.of('other').waitMs(Date.now())]).toEqual([
      true,
      0,
    ]);
  });
});

test.each<[string, ScriptStep]>([
  ['a 503 that names no time', '503'],
  ['a 500', '500'],
  ['a quota that is used up', { kind: 'insufficient_quota', retryAfter: '60' }],
])('%s slows nobody else down', async (_, step) => {
  const { world, two } = await slowedDown(step);
  expect((await world.attempt(two).result).attempt).toBe(1);
  expect(world.provider.calls).toHaveLength(2);
});

test('four that are refused together are one slow-down; afterwards they come one after another', async () => {
  const world = await activityWorld({ script: [busy(1), busy(1), busy(1), busy(1)], latencyMs: 300 });
  const tasks = ['a', 'b', 'c', 'd'].map((name) => named(world, name));
  const refused = await Promise.all(tasks.map((task) => failureOf(world.attempt(task))));
  for (const { nextRetryDelay } of refused) expect(nextRetryDelay).toBeLessThanOrEqual(1_000);
  await sleep(1_000);
  await Promise.all(tasks.map((task) => world.attempt(task, 2).result));
  const [first = 0, second = 0] = world.provider.calls
    .slice(4)
    .map(({ arrived_at }) => Date.parse(arrived_at));
  expect(world.provider.calls).toHaveLength(8);
  // The next one does not wait for the first one's answer alone, but for its answer or a second.
  expect(second - first).toBeGreaterThanOrEqual(250);
});

describe('a storm of refusals that lasts for an hour (R1)', () => {
  test('fails no task that waits for its turn: waits are not counted, and nothing is sent meanwhile', async () => {
    const world = await activityWorld();
    const clock = newClock();
    const lane = world.deps.lanes.of('happy');
    const refusal = { waitMs: 60_000, maxMs: 45_000, reason: 'HTTP 429' };
    const nowMs = () => Date.now() + clock.aheadMs;
    const { row, failures, heartbeats } = await playTask(world, named(world, 'waits', { max_attempts: 1 }), {
      clock,
      before: (n) => {
        if (n <= 60) lane.slowDown(lane.begin(nowMs()), refusal, nowMs());
      },
    });
    expect([row.status, failures.length, world.provider.calls.length]).toEqual(['completed', 60, 1]);
    expect(heartbeats.at(-1)).toMatchObject({ waited_attempts: 60, may_have_sent: [61] });
  });

  test('yet attempts that did not only wait are bounded: max_attempts and 40 more', async () => {
    const { task, attempt, provider } = await activityWorld();
    const told = { generation_id: task().generation_id, may_have_sent: [] };
    const bound = task().max_attempts + 40;
    const after = (waited_attempts: number, temporal_attempt: number) => ({
      heartbeatDetails: { ...told, waited_attempts, temporal_attempt },
    });
    const ended = await failureOf(attempt(task(), bound + 1, after(0, bound)));
    expect(ended).toMatchObject({ type: FAILURE_TYPES.attemptsUsedUp, nonRetryable: true });
    expect(provider.calls).toHaveLength(0);
    await attempt(task(), bound + 2, after(1, bound + 1)).result.catch(() => undefined);
    expect(provider.calls).toHaveLength(0);
    await attempt(task(), bound + 2, after(2, bound + 1)).result;
    expect(provider.calls).toHaveLength(1);
  });

  test('and the last of them says why it ends', async () => {
    const { task, attempt } = await activityWorld({ script: ['500'] });
    const bound = task().max_attempts + 40;
    const heartbeatDetails = {
      generation_id: task().generation_id,
      temporal_attempt: bound - 1,
      may_have_sent: [],
    };
    expect(await failureOf(attempt(task(), bound, { heartbeatDetails }))).toMatchObject({
      nonRetryable: true,
      details: [{ category: 'server_error' }],
    });
  });
});
