/** SPEC M: tasks that only pretend, as the worker runs them. */
import { describe, expect, test } from 'vitest';
import { CancelledFailure } from '@temporalio/common';
import { createPaidActivities } from '../../src/activities/index.ts';
import { MOCK_PROVIDER, type MockOrder } from '../../src/domain/task.ts';
import { type ActivityWorld, activityWorld, failureOf } from '../support/activity-world.ts';

const allowed = ({ deps }: Pick<ActivityWorld, 'deps'>) => ({
  worker: createPaidActivities({ ...deps, allowMock: true }),
});
const mock = (wish: Partial<MockOrder> = {}) => ({
  provider: MOCK_PROVIDER,
  mock: { sleep_ms: 0, exit_code: 0, output_text: '', ...wish },
});

describe('a mock task where mocks are allowed', () => {
  test('takes its time, sends nothing, leaves one attempt that costs nothing', async () => {
    const world = await activityWorld();
    const { provider, task, attempt, recordOf, images } = world;
    const cover = task(mock({ sleep_ms: 300, output_text: 'as told' }));
    const begun = Date.now();
    const running = attempt(cover, 1, allowed(world));
    expect(await running.result).toMatchObject({ attempt: 1, mock: { output_text: 'as told' } });
    expect(Date.now() - begun).toBeGreaterThanOrEqual(295);
    expect(await recordOf(cover)).toMatchObject({
      ok: true,
      billing: 'no',
      pid: process.pid,
      category: null,
    });
    expect(provider.calls).toEqual([]);
    expect(await images()).toEqual([]);
  });

  test('with an exit code fails, once', async () => {
    const world = await activityWorld();
    const cover = world.task(mock({ exit_code: 3 }));
    const failure = await failureOf(world.attempt(cover, 1, allowed(world)));
    expect(failure).toMatchObject({ nonRetryable: true, details: [{ category: 'mock_failed' }] });
    expect(failure.message).toContain('exit code 3');
    expect(await world.recordOf(cover)).toMatchObject({ ok: false, billing: 'no' });
  });

  test('is ended by the deadline of its task, and costs nothing (S)', async () => {
    const world = await activityWorld();
    const cover = world.task({ ...mock({ sleep_ms: 20_000 }), task_timeout_ms: 300 });
    const failure = await failureOf(world.attempt(cover, 1, allowed(world)));
    expect(failure).toMatchObject({ nonRetryable: true, details: [{ category: 'task_deadline' }] });
    expect(await world.recordOf(cover)).toMatchObject({ category: 'task_deadline', billing: 'no' });
  });

  test('is ended by a cancel', async () => {
    const world = await activityWorld();
    const running = world.attempt(world.task(mock({ sleep_ms: 20_000 })), 1, allowed(world));
    await expect.poll(() => running.heartbeats.length).toBe(1);
    running.cancel('cancelRequested');
    await expect(running.result).rejects.toBeInstanceOf(CancelledFailure);
  });
});

test('whoever admitted it, a mock does not run on a worker that allows none', async () => {
  const { provider, task, attempt } = await activityWorld();
  const failure = await failureOf(attempt(task(mock())));
  expect(failure).toMatchObject({ nonRetryable: true, details: [{ category: 'config' }] });
  expect(failure.message).toContain('IMGPROOF_ALLOW_MOCK=1 is not set for this worker');
  expect(provider.calls).toEqual([]);
});
