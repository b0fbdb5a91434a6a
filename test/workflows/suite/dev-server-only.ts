/**
 * What the time-skipping server can't show: it never tells a parent that its child was terminated, and an activity that
 * fails after its cancel was requested never ends there.
 */
import { expect, test } from 'vitest';
import { WorkflowFailedError } from '@temporalio/client';
import { failureOf } from '../../support/system.ts';
import { resultPathOf } from './cancellation.ts';
import type { World } from './world.ts';

export function devServerOnly(world: World): void {
  test('a task that is terminated gets its last words from its batch; the others go on (S, B4)', async () => {
    const { system, untilCalled, resultOf } = world;
    const tasks = [
      { prompt: 'ended [fault:ok latency-ms=3000]', task_key: 'ended-from-outside' },
      { prompt: 'goes on' },
    ];
    const handle = await system.startBatch(system.batch(tasks));
    await untilCalled('ended');
    await system.client.getHandle('ended-from-outside').terminate('test');
    const summary = await handle.result();
    expect(summary).toMatchObject({ ok: false, success: 1, cancelled: 1, cost: { possible: 1, yes: 1 } });
    const [first] = (await system.recordOf(summary)).results;
    expect(await resultOf(first?.result_json)).toMatchObject({
      ok: false,
      status: 'cancelled',
      billing: { no: 0, possible: 1, yes: 0 },
    });
  });

  test('a task whose attempt fails before the cancel reaches it ends cancelled all the same (S, B7)', async () => {
    const { system, alone, callsFor, resultOf } = world;
    const prompt = 'too late [fault:500 latency-ms=2000 retry-after=600]';
    const handle = await system.startTask(alone({ prompt, task_name: 'too-late' }));
    await system.provider.waitForInFlight(1);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(callsFor('too late')).toHaveLength(1);
    const result = await resultOf(await resultPathOf(system, 'too-late'));
    expect(result).toMatchObject({ status: 'cancelled', billing: { no: 0, possible: 1, yes: 0 } });
    expect(result.error).toContain('500');
  });

  test('an answer that is final stays what it is, also when a cancel is on its way (S)', async () => {
    const { system, alone } = world;
    const handle = await system.startTask(
      alone({ prompt: 'refused in the end [fault:400 latency-ms=2000]' }),
    );
    await system.provider.waitForInFlight(1);
    await handle.cancel();
    expect((await failureOf(handle)).row).toMatchObject({ status: 'failed', category: 'bad_request' });
  });
}
