import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { peakInFlight } from '../../support/provider-calls.ts';
import { filesBelow } from '../../support/system.ts';
import type { World } from './world.ts';

export function batch(world: World): void {
  test('a task whose order was edited after admission is not sent; one whose order is gone fails; the others go on (B4)', async () => {
    const { system, callsFor } = world;
    const release = system.provider.hold();
    const tasks = ['kept', 'edited', 'removed', 'last'].map((prompt) => ({ prompt, task_name: prompt }));
    const handle = await system.startBatch(system.batch(tasks, { max_workers: 1 }));
    await system.provider.waitForInFlight(1);
    const { batch_dir } = await handle.query<{ batch_dir: string }>('progress');
    const orderOf = (folder: string) => join(batch_dir, folder, 'batch_task.json');
    const order = await readFile(orderOf('02-edited'), 'utf8');
    await writeFile(orderOf('02-edited'), order.replace('"prompt": "edited"', '"prompt": "something else"'));
    await rm(orderOf('03-removed'));
    release();
    const summary = await handle.result();
    expect(summary).toMatchObject({ ok: false, success: 2, failed: 2 });
    expect((await system.recordOf(summary)).results).toMatchObject([
      { status: 'completed' },
      {
        status: 'failed',
        category: 'input_changed',
        error: expect.stringContaining('is not what was admitted') as unknown,
      },
      { status: 'failed', task_name: 'removed', error: expect.stringContaining("can't be read") as unknown },
      { status: 'completed' },
    ]);
    expect([callsFor('edited'), callsFor('something else'), callsFor('removed')]).toEqual([[], [], []]);
  });

  test('a batch ends completed with a proven, acceptable image for each task', async () => {
    const { system, resultOf } = world;
    const handle = await system.startBatch(system.batch([{ prompt: 'plain a' }, { prompt: 'plain b' }]));
    const summary = await handle.result();
    expect(summary).toMatchObject({
      ok: true,
      acceptable: true,
      total: 2,
      success: 2,
      cost: { no: 0, possible: 0, yes: 2 },
    });
    const { results } = await system.recordOf(summary);
    for (const row of results) {
      const result = await resultOf(row.result_json);
      expect(result).toMatchObject({
        ok: true,
        acceptable: true,
        mode: 'generation',
        width: 1024,
        height: 1024,
        format: 'png',
      });
      expect((await readFile(result.image_path as string)).length).toBe(result.bytes);
    }
    expect(await filesBelow(join(summary.batch_dir, '01-task-01'))).toEqual([
      'attempt-01/request.json',
      'attempt-01/result.json',
      'attempt-01/stderr.txt',
      'attempt-01/stdout.txt',
      'batch_task.json',
      'result.dsse.json',
      'result.json',
      'state.json',
      'stderr.txt',
      'stdout.txt',
    ]);
  });

  test('never more than 4 requests are in flight, and with max_workers 2 never more than 2 (B1)', async () => {
    const { system, callsFor } = world;
    system.provider.setLatencyMs(200);
    const numbers = Array.from({ length: 40 }, (_, i) => i + 1);
    const many = system.batch(numbers.map((n) => ({ prompt: `window ${n}` })));
    const summary = await (await system.startBatch(many)).result();
    expect(summary).toMatchObject({ ok: true, acceptable: true, total: 40, success: 40, cost: { yes: 40 } });
    expect(peakInFlight(callsFor('window'))).toBe(4);
    const order = callsFor('window').map(({ prompt }) => Number(prompt?.split(' ')[1]));
    expect(order.toSorted((a, b) => a - b)).toEqual(numbers);
    // In file order: when task n is sent, all but 3 of those before it have ended.
    for (const [i, number] of order.entries()) expect(i + 1).toBeGreaterThanOrEqual(number - 3);

    const few = Array.from({ length: 6 }, (_, i) => ({ prompt: `narrow ${i}` }));
    await (await system.startBatch(system.batch(few, { max_workers: 2 }))).result();
    expect(peakInFlight(callsFor('narrow'))).toBe(2);
  }, 90_000);

  test('max_workers 9 is clamped to 4 with a warning (B1)', async () => {
    const { system } = world;
    const handle = await system.startBatch(system.batch([{ prompt: 'clamped' }], { max_workers: 9 }));
    expect(await handle.result()).toMatchObject({ ok: true, max_workers: 4 });
    expect((await handle.query<{ warnings: string[] }>('progress')).warnings.join()).toContain('max_workers');
  });

  test('one failing task leaves the others alone (B4), and the batch closes completed with ok false', async () => {
    const { system, callsFor, resultOf } = world;
    const tasks = [{ prompt: 'good 1' }, { prompt: 'bad [fault:400]' }, { prompt: 'good 2' }];
    const summary = await (await system.startBatch(system.batch(tasks))).result();
    expect(summary).toMatchObject({ ok: false, acceptable: false, success: 2, failed: 1 });
    const { results } = await system.recordOf(summary);
    expect(results.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed']);
    expect(callsFor('bad')).toHaveLength(1);
    const failed = await resultOf(results[1]?.result_json);
    expect(failed).toMatchObject({
      ok: false,
      http_status: 400,
      diagnosis: { category: 'bad_request', retryable: false },
    });
  });

  test('what is over queue_limit ends rejected and is listed (B2)', async () => {
    const { system, callsFor } = world;
    const tasks = Array.from({ length: 5 }, (_, i) => ({ prompt: `limited ${i}` }));
    const summary = await (await system.startBatch(system.batch(tasks, { queue_limit: 3 }))).result();
    expect(summary).toMatchObject({ ok: false, total: 5, success: 3, rejected: 2 });
    const { results } = await system.recordOf(summary);
    expect(results.slice(3).map(({ status, category }) => [status, category])).toEqual([
      ['rejected', 'queue_rejected'],
      ['rejected', 'queue_rejected'],
    ]);
    expect(callsFor('limited')).toHaveLength(3);
  });
}
