import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import { until } from '../support/cli.ts';
import type { CliAndClient } from '../support/cli-and-client.ts';
import { shareStackAndClient } from '../support/shared-stack.ts';

let { cli, provider, client, order, resultOf } = {} as CliAndClient;
shareStackAndClient((started) => ({ cli, provider, client, order, resultOf } = started));
beforeEach(() => provider.setLatencyMs(0));

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part)).length;
const json = (stdout: string) =>
  JSON.parse(stdout) as BatchResultRecord & { exit_code: number; reason: string };

describe('from the Temporal CLI (T1)', () => {
  const temporal = (...args: string[]) => cli.run(['temporal', ...args]);

  test('imageBatch and imageTask start with the shapes of the files', async () => {
    const file = await cli.batchFile('plain.json', [{ prompt: 'cli batch' }]);
    const batch = [
      '--type',
      'imageBatch',
      '--task-queue',
      'imgproof',
      '--workflow-id',
      'cli-batch',
      '--input-file',
      file,
    ];
    const started = await temporal('workflow', 'execute', ...batch, '-o', 'json');
    expect([started.code, started.stdout]).toEqual([0, expect.stringContaining('"success": 1')]);
    const input = JSON.stringify({ prompt: 'cli task', output_dir: cli.outputDir });
    const task = [
      '--type',
      'imageTask',
      '--task-queue',
      'imgproof',
      '--workflow-id',
      'cli-task',
      '--input',
      input,
    ];
    const ran = await temporal('workflow', 'execute', ...task, '-o', 'json');
    expect([ran.code, ran.stdout]).toEqual([0, expect.stringContaining('"status": "completed"')]);
    // The same content under the same id by our own CLI is the same batch.
    const again = await cli.run(['batch', file, '--batch-id', 'cli-batch', '--json']);
    expect([json(again.stdout).adopted, calls('cli batch')]).toEqual([1, 1]);
    const other = await cli.batchFile('other.json', [{ prompt: 'other content' }]);
    const refused = await cli.run(['batch', other, '--batch-id', 'cli-batch']);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('used for other content')]);
  }, 60_000);

  test('with settings for another server about, it is still the embedded one', async () => {
    const env = { TEMPORAL_NAMESPACE: 'art', TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'true' };
    const listed = await cli.run(['temporal', 'workflow', 'list'], { env });
    expect([listed.code, listed.stdout]).toEqual([0, expect.stringContaining('cli-batch')]);
  }, 60_000);

  test('reset of a proven task and of a finished batch: no call, the same proof', async () => {
    const file = await cli.batchFile('reset.json', [{ prompt: 'reset 1' }, { prompt: 'reset 2' }]);
    const first = json(
      (await cli.run(['batch', file, '--batch-id', 'reset-batch', '--again', '--json'])).stdout,
    );
    const reset = ['--type', 'FirstWorkflowTask', '--reason', 'test'];
    for (const id of ['reset-batch/task-01', 'reset-batch', 'cli-task']) {
      const { code, stderr } = await temporal('workflow', 'reset', '--workflow-id', id, ...reset);
      expect([id, code, stderr]).toEqual([id, 0, '']);
      expect((await temporal('workflow', 'result', '--workflow-id', id)).code).toBe(0);
    }
    expect([calls('reset'), calls('cli task')]).toEqual([2, 1]);
    const after = JSON.parse(
      await readFile(join(first.batch_dir, 'batch_result.json'), 'utf8'),
    ) as BatchResultRecord;
    // What this order spent stays in its record; nothing of it is "adopted".
    expect(after).toMatchObject({
      ok: true,
      acceptable: true,
      total: 2,
      success: 2,
      adopted: 0,
      scheduled: 2,
    });
    expect(after.cost).toEqual({ no: 0, possible: 0, yes: 2 });
    expect(after.results.map(({ sha256 }) => sha256)).toEqual(first.results.map(({ sha256 }) => sha256));
    expect((await cli.run(['verify', first.batch_dir])).code).toBe(0);
  }, 60_000);
});

describe('reset while requests are under way (B5, B6, R5)', () => {
  test('a batch that is reset awaits its own running tasks; a task that is reset joins its own running call', async () => {
    provider.setLatencyMs(5_000);
    const file = await cli.batchFile('midway.json', [{ prompt: 'midway 1' }, { prompt: 'midway 2' }]);
    const batch = cli.run(['batch', file, '--batch-id', 'midway', '--json']);
    await until('2 calls', () => calls('midway') === 2);
    const reset = ['--type', 'FirstWorkflowTask', '--reason', 'test'];
    expect((await cli.run(['temporal', 'workflow', 'reset', '--workflow-id', 'midway', ...reset])).code).toBe(
      0,
    );
    await batch;
    const again = await cli.run(['batch', file, '--batch-id', 'midway', '--json']);
    expect(json(again.stdout)).toMatchObject({ ok: true, success: 2 });

    const task = cli.run([
      'run',
      '--prompt',
      'lone midway',
      '--task-key',
      'lone',
      '--output-dir',
      cli.outputDir,
    ]);
    await until('its call', () => calls('lone midway') === 1);
    expect((await cli.run(['temporal', 'workflow', 'reset', '--workflow-id', 'lone', ...reset])).code).toBe(
      0,
    );
    await task;
    expect((await cli.run(['temporal', 'workflow', 'result', '--workflow-id', 'lone'])).code).toBe(0);
    // "lone midway" is one of the three that say midway.
    expect([calls('midway'), calls('lone midway')]).toEqual([3, 1]);
  }, 60_000);
});

describe('a task that is terminated from outside (S, B4)', () => {
  test('gets its last words from its batch, its request listed as possible; the others go on', async () => {
    provider.setLatencyMs(2_500);
    const file = await cli.batchFile('ended.json', [
      { prompt: 'ended 1', task_key: 'ended-1', task_name: 'ended-first' },
      { prompt: 'ended 2' },
    ]);
    const batch = cli.run(['batch', file, '--json']);
    await until('2 calls', () => calls('ended') === 2);
    await client.workflow.getHandle('ended-1').terminate('test');
    const { code, stdout } = await batch;
    expect([code, json(stdout)]).toMatchObject([
      1,
      { success: 1, cancelled: 1, cost: { possible: 1, yes: 1 } },
    ]);
    const [row] = json(stdout).results;
    const runDir = row?.run_dir as string;
    const read = async (name: string) =>
      JSON.parse(await readFile(join(runDir, name), 'utf8')) as ResultRecord;
    expect(await read('result.json')).toMatchObject({
      ok: false,
      status: 'cancelled',
      billing: { possible: 1 },
      workflow_id: 'ended-1',
      worker_id: expect.stringMatching(/slot-\d$/u) as unknown,
      attempts: [{ error: expect.stringContaining('no end of this request is known') as unknown }],
    });

    await until(
      'the late answer is kept as evidence',
      () => existsSync(join(runDir, 'attempt-01', 'image.png')),
      15_000,
    );
    expect(await read('attempt-01/result.json')).toMatchObject({ ok: false, billing: 'yes' });
    expect(await read('state.json')).toMatchObject({ status: 'cancelled' });
    expect(readdirSync(cli.outputDir).filter((name) => name.startsWith('ended-first'))).toEqual([]);
  }, 60_000);
});

describe('a cancel while a request fails by itself (S)', () => {
  test('closes the task as Canceled, with its attempt as it ended', async () => {
    provider.setLatencyMs(1_200);
    const task = ['--task-key', 'cancelled-500', '--output-dir', cli.outputDir, '--no-wait'];
    await cli.run(['run', '--prompt', 'cancelled [fault:500 times=9]', ...task]);
    await until('its call', () => calls('cancelled') === 1);
    const handle = client.workflow.getHandle('cancelled-500');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow();
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    expect(calls('cancelled')).toBe(1);
  }, 60_000);
});

describe('a batch that is terminated from outside', () => {
  test('another order under its id never gets the image of the old one’s request, nor does --again (B6, G5)', async () => {
    provider.setLatencyMs(8_000);
    const start = (prompt: string, again: boolean) =>
      order('reused-batch', [{ prompt, task_key: 'reused' }], { again });
    await start('reused AAA', false);
    await until('the first call', () => calls('reused AAA') === 1);
    await client.workflow.getHandle('reused-batch').terminate('test');
    await start('reused BBB', true);
    const { batch_dir } = await resultOf('reused-batch');
    expect([calls('reused AAA'), calls('reused BBB')]).toEqual([1, 1]);
    const folder = readdirSync(batch_dir).find((name) => name.startsWith('01-'));
    const path = join(batch_dir, folder as string, 'result.json');
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      prompt: 'reused BBB',
      acceptable: true,
    });
  }, 60_000);

  test('the same order makes what is missing once its old tasks have let go', async () => {
    provider.setLatencyMs(2_000);
    const file = await cli.batchFile('torn.json', [{ prompt: 'torn 1' }, { prompt: 'torn 2' }]);
    const first = cli.run(['batch', file, '--batch-id', 'torn', '--json']);
    await until('2 calls', () => calls('torn') === 2);
    await client.workflow.getHandle('torn').terminate('test');
    expect((await first).code).toBe(1);
    const again = await cli.run(['batch', file, '--batch-id', 'torn', '--json']);
    expect([again.code, json(again.stdout)]).toMatchObject([0, { ok: true, success: 2 }]);
  }, 60_000);
});
