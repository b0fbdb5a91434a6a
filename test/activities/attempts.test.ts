/** Several Temporal attempts of one task: who sends, who joins, and what a cancel may end (R1, R4, R5). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { CancelledFailure } from '@temporalio/common';
import { createPaidActivities } from '../../src/activities/index.ts';
import { FAILURE_TYPES, type FailureReport } from '../../src/domain/failure.ts';
import { activityWorld, type CancelReason, failureOf } from '../support/activity-world.ts';
import { canariesAfter } from '../support/canary-sweep.ts';

afterEach(() => expect(canariesAfter()).toEqual([]));

describe('cancel (R5, B7)', () => {
  test.each<CancelReason>(['workerShutdown', 'timedOut', 'notFound', 'paused', 'reset'])(
    '%s lets the request run on into the spool; the next attempt adopts it without a call',
    async (why) => {
      const { provider, task, attempt, images, spooledAnswers } = await activityWorld({ latencyMs: 300 });
      const first = attempt(task());
      await provider.waitForInFlight(1);
      first.cancel(why);
      await expect.poll(spooledAnswers).toHaveLength(1);
      await first.result.catch(() => undefined);
      const { image } = await attempt(task(), 2).result;
      expect(provider.calls).toMatchObject([{ event: 'answered', status: 200, image_sha256: image.sha256 }]);
      expect(await images()).toHaveLength(1);
    },
  );

  test('of an attempt that joined ends the request it waits for', async () => {
    const { provider, task, attempt } = await activityWorld({ latencyMs: 20_000 });
    const first = attempt(task());
    await provider.waitForInFlight(1);
    first.cancel('timedOut');
    const second = attempt(task(), 2);
    await expect.poll(() => second.heartbeats.length).toBe(1);
    second.cancel('cancelRequested');
    await expect(second.result).rejects.toBeInstanceOf(CancelledFailure);
    await provider.waitForInFlight(0);
    expect(provider.calls).toMatchObject([{ event: 'aborted' }]);
  });

  test('of an attempt that waits for another process leaves its request alone', async () => {
    const { provider, task, attempt, deps } = await activityWorld({ latencyMs: 600 });
    const first = attempt(task());
    await provider.waitForInFlight(1);
    const second = attempt(task(), 2, { worker: createPaidActivities({ ...deps }) });
    await expect.poll(() => second.heartbeats.length).toBe(1);
    second.cancel('cancelRequested');
    await expect(second.result).rejects.toBeInstanceOf(CancelledFailure);
    expect((await first.result).image.sha256).toBe(provider.calls[0]?.image_sha256);
  });
});

describe('a call that is alive is joined (R5)', () => {
  test('two attempts at once share one call, one record and one image', async () => {
    const { provider, task, attempt, images, recordOf } = await activityWorld({ latencyMs: 300 });
    const first = attempt(task());
    await provider.waitForInFlight(1);
    const second = attempt(task(), 2);
    expect(await second.result).toEqual(await first.result);
    expect(first.heartbeats[0]).toMatchObject({ waiting_for: 'the spool', sent: false, temporal_attempt: 1 });
    expect(second.heartbeats[0]).toMatchObject({
      waiting_for: 'a call of the same generation',
      temporal_attempt: 2,
      sent: true,
      attempt: 1,
    });
    expect(provider.calls).toHaveLength(1);
    expect(await images()).toHaveLength(1);
    expect(await recordOf(task())).toMatchObject({ temporal_attempt: 1, billing: 'yes' });
  });

  test('two that begin in the same moment share one call', async () => {
    const { provider, task, attempt } = await activityWorld({ latencyMs: 100 });
    const [first, second] = [attempt(task()), attempt(task(), 2)];
    expect(await second.result).toEqual(await first.result);
    expect(provider.calls).toHaveLength(1);
  });

  test('another worker process of this host waits for the lock and adopts the answer', async () => {
    const { provider, task, attempt, deps, images } = await activityWorld({ latencyMs: 300 });
    const first = attempt(task());
    await provider.waitForInFlight(1);
    const second = attempt(task(), 2, { worker: createPaidActivities({ ...deps }) });
    expect((await second.result).image).toEqual((await first.result).image);
    expect(provider.calls).toHaveLength(1);
    expect(await images()).toHaveLength(1);
  });

  test('a failure is told to both, and the next attempt is counted after one request', async () => {
    const { provider, task, attempt, recordOf } = await activityWorld({
      script: [{ kind: '500', latencyMs: 200 }],
    });
    const first = attempt(task());
    await provider.waitForInFlight(1);
    const second = attempt(task(), 2);
    const failures = [await failureOf(first), await failureOf(second)];
    expect(failures.map(({ details }) => (details as [FailureReport])[0].category)).toEqual([
      'server_error',
      'server_error',
    ]);
    await sleep(150);
    expect((await attempt(task(), 3).result).attempt).toBe(2);
    expect(await recordOf(task(), 2)).toMatchObject({ temporal_attempt: 3, ok: true });
    expect(provider.calls).toHaveLength(2);
  });
});

describe('what counts as a request (R1, R4)', () => {
  test('after max_attempts requests the activity ends with AttemptsUsedUp', async () => {
    const { provider, task, attempt } = await activityWorld({ script: ['500', 'cut', 'ok'] });
    const cover = task({ max_attempts: 2, retry_base_delay_ms: 1 });
    const first = await failureOf(attempt(cover));
    expect(first).toMatchObject({ type: FAILURE_TYPES.attempt, nonRetryable: false });
    await sleep(20);
    const second = await failureOf(attempt(cover, 2));
    expect(second).toMatchObject({
      type: FAILURE_TYPES.attemptsUsedUp,
      nonRetryable: true,
      details: [{ category: 'connection_cut' }],
    });
    expect(provider.calls).toHaveLength(2);
  });

  test('a 429 uses none', async () => {
    const { provider, task, attempt } = await activityWorld({ script: ['429', 'ok'] });
    const cover = task({ max_attempts: 1, retry_base_delay_ms: 1 });
    expect(await failureOf(attempt(cover))).toMatchObject({ nonRetryable: false });
    await sleep(20);
    expect((await attempt(cover, 2).result).attempt).toBe(2);
    expect(provider.calls).toHaveLength(2);
  });

  test('a Temporal attempt that left no trace on this host is listed as possibly billed and counts', async () => {
    const { provider, task, attempt, recordOf } = await activityWorld();
    const cover = task({ max_attempts: 2 });
    expect((await attempt(cover, 2).result).attempt).toBe(2);
    expect(await recordOf(cover, 1)).toMatchObject({
      category: 'worker_died',
      billing: 'possible',
      temporal_attempt: 1,
    });
    expect(await recordOf(cover, 2)).toMatchObject({ ok: true, temporal_attempt: 2 });
    expect(provider.calls).toHaveLength(1);
  });

  test('and when it used up what was allowed, nothing more is sent', async () => {
    const { provider, task, attempt } = await activityWorld();
    const failure = await failureOf(attempt(task({ max_attempts: 1 }), 2));
    expect(failure).toMatchObject({ type: FAILURE_TYPES.attemptsUsedUp, nonRetryable: true });
    expect(provider.calls).toHaveLength(0);
  });

  test('an attempt before the announced time sends nothing and is told the rest of the wait (R3)', async () => {
    const { provider, task, attempt } = await activityWorld({ script: [{ kind: '429', retryAfter: '30' }] });
    await failureOf(attempt(task()));
    const early = await failureOf(attempt(task(), 2));
    expect(early.nextRetryDelay as number).toBeGreaterThan(25_000);
    expect(early.nextRetryDelay as number).toBeLessThanOrEqual(30_000);
    expect(provider.calls).toHaveLength(1);
  });
});
