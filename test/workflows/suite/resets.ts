import { expect, test } from 'vitest';
import { until } from '../../support/cli.ts';
import type { World } from './world.ts';

export function resets(world: World): void {
  test('a finished batch and its task that are reset buy nothing again (B6)', async () => {
    const { system, callsFor } = world;
    const order = system.batch([{ prompt: 'reset 1', task_key: 'reset-1' }, { prompt: 'reset 2' }]);
    const batch = await system.startBatch(order, 'reset-batch');
    const before = await system.recordOf(await batch.result());
    const task = await system.reset(system.client.getHandle('reset-1'));
    expect(await task.result()).toMatchObject({ status: 'completed', acceptable: true });
    const after = await system.recordOf(await (await system.reset(batch)).result());
    expect(after).toMatchObject({ ok: true, acceptable: true, success: 2 });
    expect(after.results.map(({ sha256 }) => sha256)).toEqual(before.results.map(({ sha256 }) => sha256));
    expect(callsFor('reset')).toHaveLength(2);
  });

  test('what a retry delivered is not bought again by a reset, also of a batch that orders anew (B6)', async () => {
    const { system, callsFor } = world;
    const tasks = [
      { prompt: 'reset after a retry [fault:400 times=1]', task_name: 't1' },
      { prompt: 'beside it [fault:ok latency-ms=2000]', task_name: 't2' },
    ];
    const batch = await system.startBatch(system.batch(tasks, { again: true }));
    await until('the failure', async () => {
      const [first] = await batch.query<{ status: string }[]>('tasks');
      return first?.status === 'failed';
    });
    await batch.executeUpdate('retryFailed');
    expect(await batch.result()).toMatchObject({ ok: true, success: 2, cost: { no: 1, yes: 2 } });
    const again = await system.reset(batch);
    expect(await again.result()).toMatchObject({ ok: true, success: 2 });
    expect([callsFor('reset after a retry').length, callsFor('beside it').length]).toEqual([2, 1]);
  });

  test('a task that runs once more is awaited by a reset of its batch, and its image is its result (B5, S)', async () => {
    const { system, callsFor } = world;
    const tasks = [
      { prompt: 'once more, then reset [fault:400 times=1]', task_name: 't1' },
      { prompt: 'keeps it open [fault:ok latency-ms=4000]', task_name: 't2' },
    ];
    const batch = await system.startBatch(system.batch(tasks));
    await until('the failure', async () => {
      const [first] = await batch.query<{ status: string }[]>('tasks');
      return first?.status === 'failed';
    });
    system.provider.setLatencyMs(3_000);
    await batch.executeUpdate('retryFailed');
    await until('its second request', () => callsFor('once more, then reset').length === 2);
    const again = await system.reset(batch);
    expect(await again.result()).toMatchObject({ ok: true, success: 2, cost: { no: 1, yes: 2 } });
    expect(callsFor('once more, then reset')).toHaveLength(2);
  });

  test('a batch that is reset awaits its own tasks that are still running (B5)', async () => {
    const { system, callsFor } = world;
    system.provider.setLatencyMs(3_000);
    const order = system.batch([{ prompt: 'midway 1', task_key: 'midway-1' }, { prompt: 'midway 2' }]);
    const batch = await system.startBatch(order);
    await system.provider.waitForInFlight(2);
    const running = await system.client.getHandle('midway-1').describe();
    const again = await system.reset(batch);
    const summary = await again.result();
    expect(summary).toMatchObject({ ok: true, success: 2, skipped: 0, cost: { yes: 2 } });
    const [first] = (await system.recordOf(summary)).results;
    expect(first).toMatchObject({ status: 'completed', run_id: running.runId });
    expect(callsFor('midway')).toHaveLength(2);
  });

  test('a task that runs on from before a reset of its batch can be cancelled from there (B7)', async () => {
    const { system, callsFor } = world;
    system.provider.setLatencyMs(20_000);
    const tasks = [{ prompt: 'left behind 1', task_name: 't1' }];
    const batch = await system.startBatch(system.batch(tasks));
    await system.provider.waitForInFlight(1);
    const again = await system.reset(batch);
    await until('it to be awaited', async () => {
      const { raw } = await again.describe();
      return (
        raw.pendingActivities?.some(({ activityType }) => activityType?.name === 'awaitActiveTask') === true
      );
    });
    await again.executeUpdate('cancelTask', { args: [{ task: 't1', now: true }] });
    expect(await again.result()).toMatchObject({ cancelled: 1, cost: { possible: 1, yes: 0 } });
    expect(callsFor('left behind')).toHaveLength(1);
  });

  test('a lone task that is reset while its request runs joins it (R5, B6)', async () => {
    const { system, alone, callsFor } = world;
    system.provider.setLatencyMs(3_000);
    const task = await system.startTask(alone({ prompt: 'joined by its own reset' }));
    await system.provider.waitForInFlight(1);
    const row = await (await system.reset(task)).result();
    expect(row).toMatchObject({ status: 'completed', acceptable: true, attempts_count: 1 });
    expect(callsFor('joined by its own reset')).toHaveLength(1);
  });
}
