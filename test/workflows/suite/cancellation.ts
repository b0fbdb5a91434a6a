import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WorkflowFailedError } from '@temporalio/client';
import { until } from '../../support/cli.ts';
import { filesBelow, pendingAttempt, type System } from '../../support/system.ts';
import type { World } from './world.ts';

export function cancellation(world: World): void {
  test('cancel of a batch aborts what was sent, starts no further task, and writes last words (B7)', async () => {
    const { system, callsFor, resultOf } = world;
    system.provider.setLatencyMs(20_000);
    const tasks = Array.from({ length: 6 }, (_, i) => ({ prompt: `cancelled ${i}` }));
    const handle = await system.startBatch(system.batch(tasks));
    await system.provider.waitForInFlight(4);
    const { batch_dir } = await handle.query<{ batch_dir: string }>('progress');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    const record = JSON.parse(await readFile(join(batch_dir, 'batch_result.json'), 'utf8'));
    expect(record).toMatchObject({ ok: false, cancelled: 6, cost: { possible: 4, yes: 0 } });
    for (const { result_json } of record.results) {
      expect(await resultOf(result_json)).toMatchObject({ ok: false, status: 'cancelled' });
    }
    expect(callsFor('cancelled')).toHaveLength(4);
  });

  test('cancel of one task of a batch ends that one; the others go on (B4, B7)', async () => {
    const { system, untilCalled, resultOf } = world;
    const tasks = [
      { prompt: 'unwanted [fault:ok latency-ms=20000]', task_key: 'unwanted' },
      { prompt: 'wanted 1' },
      { prompt: 'wanted 2' },
    ];
    const handle = await system.startBatch(system.batch(tasks));
    await untilCalled('unwanted');
    await system.client.getHandle('unwanted').cancel();
    const summary = await handle.result();
    expect(summary).toMatchObject({ ok: false, success: 2, cancelled: 1, cost: { possible: 1, yes: 2 } });
    const [first] = (await system.recordOf(summary)).results;
    expect(await resultOf(first?.result_json)).toMatchObject({
      status: 'cancelled',
      billing: { possible: 1 },
    });
  });

  test('cancel of a lone task aborts the sent request and records it as possibly billed', async () => {
    const { system, alone, resultOf } = world;
    system.provider.setLatencyMs(20_000);
    const handle = await system.startTask(alone({ prompt: 'stop me', task_name: 'stopped' }));
    await system.provider.waitForInFlight(1);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    const result = await resultOf(await resultPathOf(system, 'stopped'));
    expect(result).toMatchObject({ status: 'cancelled', billing: { possible: 1 } });
  });

  test('cancel while a task waits for its next attempt ends the wait; nothing more is sent (B7)', async () => {
    const { system, alone, callsFor, resultOf } = world;
    const prompt = 'give up [fault:500 retry-after=600]';
    const handle = await system.startTask(alone({ prompt, task_name: 'given-up' }));
    await until('the wait', async () => (await pendingAttempt(handle)) === 2);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(callsFor('give up')).toHaveLength(1);
    const result = await resultOf(await resultPathOf(system, 'given-up'));
    expect(result).toMatchObject({ status: 'cancelled', billing: { no: 0, possible: 1, yes: 0 } });
  });
}

/** Of a lone task that left no row to read it from. */
export async function resultPathOf({ outputDir }: System, taskName: string): Promise<string> {
  const runs = join(outputDir, '_runs');
  const found = (await filesBelow(runs)).filter(
    (name) => name.startsWith(`${taskName}-`) && /^[^/]+\/result\.json$/u.test(name),
  );
  expect(found).toHaveLength(1);
  return join(runs, String(found[0]));
}
