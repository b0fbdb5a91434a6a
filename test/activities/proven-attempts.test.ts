/** An attempt that proved that nothing was sent costs nothing on another host either (R1, R4). */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mayHaveSent } from '../../src/activities/earlier-attempts.ts';
import { createPaidActivities } from '../../src/activities/index.ts';
import { Spool } from '../../src/artifacts/spool.ts';
import { FAILURE_TYPES } from '../../src/domain/failure.ts';
import { ProviderLanes } from '../../src/provider/lane.ts';
import { type ActivityWorld, activityWorld, type Attempt, failureOf } from '../support/activity-world.ts';

/** A worker on a host with a spool of its own. Slow: its lane of the provider is closed for two minutes. */
function host(world: ActivityWorld, name: string, isSlow = false) {
  const lanes = new ProviderLanes();
  if (isSlow) lanes.of('happy').slowDown(0, { waitMs: 120_000, maxMs: 120_000, reason: 'busy' }, Date.now());
  return createPaidActivities({ ...world.deps, lanes, spool: new Spool(join(world.folder, name)) });
}

/** What Temporal hands to the next attempt. */
function heartbeatOf({ heartbeats }: Attempt) {
  const heartbeatDetails = heartbeats.at(-1);
  if (heartbeatDetails === undefined) throw new Error('it gave no sign of life');
  return { heartbeatDetails };
}

test('three hosts one after another: two that only waited for the provider are neither listed nor counted', async () => {
  const world = await activityWorld();
  const task = world.task({ on_unknown: 'hold', max_attempts: 1 });
  const first = world.attempt(task, 1, { worker: host(world, 'a', true) });
  expect(await failureOf(first)).toMatchObject({ nonRetryable: false });
  const second = world.attempt(task, 2, { worker: host(world, 'b', true), ...heartbeatOf(first) });
  expect(await failureOf(second)).toMatchObject({ nonRetryable: false });
  expect(second.heartbeats.at(-1)).toMatchObject({ sent: false, may_have_sent: [] });
  const third = world.attempt(task, 3, { worker: host(world, 'c'), ...heartbeatOf(second) });
  expect((await third.result).attempt).toBe(1);
  expect(third.heartbeats.at(-1)).toMatchObject({ may_have_sent: [3] });
  expect(await world.recordOf(task)).toMatchObject({ ok: true, temporal_attempt: 3 });
  expect(world.provider.calls).toHaveLength(1);
});

test('a request of another host that the folder lists is counted once and not listed once more', async () => {
  const world = await activityWorld({ script: ['500'] });
  const task = world.task({ max_attempts: 2, retry_base_delay_ms: 1 });
  const first = world.attempt(task, 1, { worker: host(world, 'a') });
  await failureOf(first);
  expect(first.heartbeats.at(-1)).toMatchObject({ sent: true, may_have_sent: [1] });
  const second = world.attempt(task, 2, { worker: host(world, 'b'), ...heartbeatOf(first) });
  expect((await second.result).attempt).toBe(2);
  expect(await world.recordOf(task)).toMatchObject({ category: 'server_error', temporal_attempt: 1 });
  expect(world.provider.calls).toHaveLength(2);
});

test('and when it used up what was allowed, another host sends nothing', async () => {
  const world = await activityWorld({ script: ['cut'] });
  const task = world.task({ max_attempts: 2, on_unknown: 'once', retry_base_delay_ms: 1 });
  const first = world.attempt(task, 1, { worker: host(world, 'a') });
  await failureOf(first);
  const spent = { ...task, max_attempts: 1 };
  const second = world.attempt(spent, 2, { worker: host(world, 'b'), ...heartbeatOf(first) });
  expect(await failureOf(second)).toMatchObject({ type: FAILURE_TYPES.attemptsUsedUp, nonRetryable: true });
  expect(world.provider.calls).toHaveLength(1);
});

test.each([
  ['nothing is known', undefined, [1, 2]],
  ['the last one ended in order and sent nothing', word(2, 'the next attempt', []), []],
  ['the last one may have died in a request', word(2, 'the image', [2]), [2]],
  ['one died after the last sign of life', word(1, 'the next attempt', []), [2]],
  ['it is of another generation', { ...word(2, 'the next attempt', []), generation_id: 'g-0' }, [1, 2]],
  ['an earlier version told it of its own attempt alone', word(2, 'the next attempt'), [1]],
  ['an earlier version died while it looked', word(2, 'the spool'), [1, 2]],
] as const)('of attempts 1 and 2 those may have sent something, when %s', (_, told, expected) => {
  const known = mayHaveSent(told as Parameters<typeof mayHaveSent>[0], {
    generationId: 'g-1',
    temporalAttempt: 3,
  });
  expect(known).toEqual(expected);
});

function word(temporal_attempt: number, waiting_for: string, may_have_sent?: number[]) {
  const told = may_have_sent === undefined ? {} : { may_have_sent };
  return { generation_id: 'g-1', temporal_attempt, waiting_for, sent: false, ...told };
}
