import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WorkflowFailedError } from '@temporalio/client';
import type { ResultRecord, TaskStateRecord } from '../../src/domain/records.ts';
import { FAILURE_TYPES } from '../../src/domain/failure.ts';
import { peakInFlight } from '../support/provider-calls.ts';
import { failureOf, filesBelow, startSystem, type System } from '../support/system.ts';

let system: System;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  return system.stop;
});
beforeEach(() => {
  system.provider.setScript([]);
  system.provider.setLatencyMs(0);
});

const callsFor = (part: string) => system.provider.calls.filter(({ prompt }) => prompt?.includes(part));

async function resultOf(path: string | null): Promise<ResultRecord> {
  return JSON.parse(await readFile(path as string, 'utf8')) as ResultRecord;
}

describe('imageBatch', () => {
  test('a batch ends completed with a proven, acceptable image for each task', async () => {
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
      'result.json',
      'state.json',
      'stderr.txt',
      'stdout.txt',
    ]);
  });

  test('never more than 4 requests are in flight, and with max_workers 2 never more than 2 (B1)', async () => {
    system.provider.setLatencyMs(400);
    const many = Array.from({ length: 10 }, (_, i) => ({ prompt: `window ${i}` }));
    await (await system.startBatch(system.batch(many))).result();
    expect(peakInFlight(callsFor('window'))).toBe(4);
    const few = Array.from({ length: 6 }, (_, i) => ({ prompt: `narrow ${i}` }));
    await (await system.startBatch(system.batch(few, { max_workers: 2 }))).result();
    expect(peakInFlight(callsFor('narrow'))).toBe(2);
  });

  test('max_workers 9 is clamped to 4 with a warning (B1)', async () => {
    const handle = await system.startBatch(system.batch([{ prompt: 'clamped' }], { max_workers: 9 }));
    expect(await handle.result()).toMatchObject({ ok: true, max_workers: 4 });
    expect((await handle.query<{ warnings: string[] }>('progress')).warnings.join()).toContain('max_workers');
  });

  test('one failing task leaves the others alone (B4), and the batch closes completed with ok false', async () => {
    const tasks = [{ prompt: 'good 1' }, { prompt: 'bad [fault:400]' }, { prompt: 'good 2' }];
    const summary = await (await system.startBatch(system.batch(tasks))).result();
    expect(summary).toMatchObject({ ok: false, acceptable: false, success: 2, failed: 1 });
    const { results } = await system.recordOf(summary);
    expect(results.map(({ status }) => status)).toEqual(['completed', 'failed', 'completed']);
    expect(callsFor('bad')).toHaveLength(1);
    const failed = await resultOf(results[1]?.result_json ?? null);
    expect(failed).toMatchObject({
      ok: false,
      http_status: 400,
      diagnosis: { category: 'bad_request', retryable: false },
    });
  });

  test('a key that occurs twice in one file is skipped at its second place (B5)', async () => {
    const tasks = [
      { prompt: 'twin 1', task_key: 'twin' },
      { prompt: 'twin 2', task_key: 'twin' },
    ];
    const summary = await (await system.startBatch(system.batch(tasks))).result();
    expect(summary).toMatchObject({ ok: false, success: 1, skipped: 1 });
    const [, second] = (await system.recordOf(summary)).results;
    expect(second).toMatchObject({ status: 'skipped', category: 'duplicate_key' });
    expect(callsFor('twin')).toHaveLength(1);
  });

  test('a key that is active in another batch is skipped with the id of the active one (B5)', async () => {
    system.provider.setLatencyMs(600);
    const first = await system.startBatch(system.batch([{ prompt: 'shared 1', task_key: 'shared' }]));
    await system.provider.waitForInFlight(1);
    const second = await system.startBatch(system.batch([{ prompt: 'shared 2', task_key: 'shared' }]));
    const row = (await system.recordOf(await second.result())).results[0];
    expect(row).toMatchObject({ status: 'skipped', category: 'active_elsewhere' });
    expect(row?.error).toMatch(/"shared" is active elsewhere: workflow shared, run [0-9a-f-]{36}$/u);
    const state = await readFile(join(row?.run_dir as string, 'state.json'), 'utf8');
    expect(JSON.parse(state)).toMatchObject({ status: 'skipped', last_error: row?.error });
    expect(await first.result()).toMatchObject({ ok: true });
    expect(callsFor('shared')).toHaveLength(1);
  });

  test('what is over queue_limit ends rejected and is listed (B2)', async () => {
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

  test('the same order again adopts every proven result without a call; again orders anew (B6)', async () => {
    const request = system.batch([{ prompt: 'adopt a' }, { prompt: 'adopt b' }]);
    const first = await (await system.startBatch(request, 'adopting')).result();
    const second = await (await system.startBatch(request, 'adopting')).result();
    expect(second).toMatchObject({ ok: true, success: 2, adopted: 2, cost: { no: 0, possible: 0, yes: 0 } });
    expect(callsFor('adopt')).toHaveLength(2);
    expect(second.batch_dir).not.toBe(first.batch_dir);
    const copy = await resultOf((await system.recordOf(second)).results[0]?.result_json ?? null);
    expect(copy.adopted_from).toBe((await system.recordOf(first)).results[0]?.result_json);
    const third = await (await system.startBatch({ ...request, again: true }, 'adopting')).result();
    expect([third.adopted, callsFor('adopt').length]).toEqual([0, 4]);
  });

  test('cancel of a batch aborts what was sent, starts no further task, and writes last words (B7)', async () => {
    system.provider.setLatencyMs(20_000);
    const tasks = Array.from({ length: 6 }, (_, i) => ({ prompt: `cancelled ${i}` }));
    const handle = await system.startBatch(system.batch(tasks));
    await system.provider.waitForInFlight(4);
    const { batch_dir } = await handle.query<{ batch_dir: string }>('progress');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    const record = JSON.parse(await readFile(join(batch_dir, 'batch_result.json'), 'utf8'));
    expect(record).toMatchObject({ ok: false, cancelled: 6, cost: { possible: 4, yes: 0 } });
    for (const { result_json } of record.results) {
      expect(await resultOf(result_json)).toMatchObject({ ok: false, status: 'cancelled' });
    }
    expect(callsFor('cancelled')).toHaveLength(4);
  });

  test('bad input ends the batch failed with all problems before any request', async () => {
    const request = { tasks: [{ prompt: '' }, { promt: 'x' }, { prompt: 'x', size: '7x7' }] };
    const error = await (await system.startBatch(request)).result().catch((reason: unknown) => reason);
    const { cause } = error as { cause: { type: string; message: string } };
    expect(cause.type).toBe(FAILURE_TYPES.badInput);
    for (const part of ['tasks[0].prompt', 'tasks[1].promt', 'tasks[2].size'])
      expect(cause.message).toContain(part);
  });
});

describe('imageTask alone', () => {
  const alone = (fields: object) => ({
    output_dir: system.outputDir,
    retry_base_delay: 0.1,
    retry_jitter: 0,
    ...fields,
  });

  test('it makes its image under _runs and keeps its state (F2, F5)', async () => {
    const row = await (
      await system.startTask(alone({ prompt: 'alone', task_name: 'solo' }), 'alone-1')
    ).result();
    expect(row).toMatchObject({
      status: 'completed',
      ok: true,
      acceptable: true,
      task_key: 'alone-1',
      index: 1,
    });
    expect(row.run_dir).toMatch(/_runs\/solo-\d{8}-\d{6}$/u);
    const state = JSON.parse(
      await readFile(join(row.run_dir as string, 'state.json'), 'utf8'),
    ) as TaskStateRecord;
    expect(state).toMatchObject({ status: 'completed', attempt: 1, output: row.image_path });
  });

  test('img2img sends the references and records their hashes (G1, G2)', async () => {
    const path = join(system.outputDir, 'reference.png');
    const bytes = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#336699' } })
      .png()
      .toBuffer();
    await (await import('node:fs/promises')).writeFile(path, bytes);
    const row = await (
      await system.startTask(alone({ prompt: 'with reference', input_image: path }))
    ).result();
    const result = await resultOf(row.result_json);
    expect(result).toMatchObject({
      mode: 'edit',
      acceptable: true,
      input_images: [{ path, bytes: bytes.length, mime: 'image/png' }],
    });
    expect(callsFor('with reference')[0]?.references).toMatchObject([
      { sha256: result.input_images[0]?.sha256, field: 'image' },
    ]);
  });

  test('a 429 with Retry-After is waited for and does not count as an attempt (R1, R3)', async () => {
    const started = await system.env.currentTimeMs();
    const request = alone({ prompt: 'slow down [fault:429 retry-after=40 times=2]', max_attempts: 1 });
    const row = await (await system.startTask(request)).result();
    expect((await system.env.currentTimeMs()) - started).toBeGreaterThanOrEqual(80_000);
    const { attempts } = await resultOf(row.result_json);
    expect(attempts.map(({ http_status, billing }) => [http_status, billing])).toEqual([
      [429, 'no'],
      [429, 'no'],
      [200, 'yes'],
    ]);
  });

  test('a 401 is not repeated (R2)', async () => {
    const failure = await failureOf(await system.startTask(alone({ prompt: 'no key [fault:401]' })));
    expect(failure).toMatchObject({
      type: FAILURE_TYPES.taskFailed,
      row: { status: 'failed', category: 'auth' },
    });
    expect(callsFor('no key')).toHaveLength(1);
  });

  test('max_attempts requests are sent, each recorded, then the task fails (R1, R4)', async () => {
    const failure = await failureOf(
      await system.startTask(alone({ prompt: 'broken [fault:500 times=9]', max_attempts: 3 })),
    );
    expect(failure.row).toMatchObject({
      status: 'failed',
      category: 'server_error',
      attempts_count: 3,
      billing: { possible: 3 },
    });
    expect(callsFor('broken')).toHaveLength(3);
  });

  test('a request without answer ends at timeout_ms; after the last one the task is timed_out, possibly billed', async () => {
    const request = alone({ prompt: 'silent [fault:hang times=9]', max_attempts: 2, timeout_ms: 1_000 });
    const failure = await failureOf(await system.startTask(request));
    expect(failure).toMatchObject({
      type: FAILURE_TYPES.taskTimedOut,
      row: { status: 'timed_out', category: 'request_timeout', billing: { no: 0, possible: 2, yes: 0 } },
    });
  });

  test('a complete answer without a usable image is kept, billed, and not bought again (R2, G9)', async () => {
    const failure = await failureOf(await system.startTask(alone({ prompt: 'rubbish [fault:html]' })));
    expect(failure.row).toMatchObject({ status: 'failed', category: 'bad_response', billing: { yes: 1 } });
    expect(callsFor('rubbish')).toHaveLength(1);
  });

  test('a reference that changed after admission fails the task without a call (H3)', async () => {
    const { writeFile } = await import('node:fs/promises');
    const path = join(system.outputDir, 'changing.png');
    const image = (background: string) =>
      sharp({ create: { width: 64, height: 64, channels: 3, background } })
        .png()
        .toBuffer();
    await writeFile(path, await image('#ff0000'));
    const prompt = 'changed reference [fault:429 retry-after=1 times=1]';
    const handle = await system.startTask(alone({ prompt, input_image: path }));
    await system.provider.waitForCalls(system.provider.calls.length + 1);
    await writeFile(path, await image('#00ff00'));
    const failure = await failureOf(handle);
    expect(failure.row).toMatchObject({ status: 'failed', category: 'input_changed' });
    expect(callsFor('changed reference')).toHaveLength(1);
  });

  test('cancel aborts the sent request and records it as possibly billed', async () => {
    system.provider.setLatencyMs(20_000);
    const handle = await system.startTask(alone({ prompt: 'stop me', task_name: 'stopped' }));
    await system.provider.waitForInFlight(1);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    const path = (await filesBelow(join(system.outputDir, '_runs'))).find((name) =>
      /^stopped[^/]*\/result\.json$/u.test(name),
    );
    const result = await resultOf(join(system.outputDir, '_runs', path as string));
    expect(result).toMatchObject({ status: 'cancelled', billing: { possible: 1 } });
  });

  test('an unknown workflow type fails at once instead of looping', async () => {
    const handle = await system.client.start('imageBtach', {
      taskQueue: 'imgproof',
      workflowId: 'typo',
      args: [{}],
    });
    const error = (await handle.result().catch((reason: unknown) => reason)) as { cause: { type: string } };
    expect(error.cause.type).toBe(FAILURE_TYPES.unknownWorkflowType);
  });
});
