/**
 * A result that is handed in for a task but is not its own (SPEC S, orphan_late_output): real workflows and records, and
 * a paid lane that belongs to the test, because the product's own never does this.
 */
import { rmSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Runtime, Worker } from '@temporalio/worker';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { readTask } from '../../src/activities/task-of-order.ts';
import { inspectImage } from '../../src/artifacts/image-file.ts';
import type { LoneTask, TaskHandle } from '../../src/client.ts';
import { loadSettings, type Settings } from '../../src/config.ts';
import type { GeneratedImage } from '../../src/domain/activity-contract.ts';
import { FAILURE_TYPES } from '../../src/domain/failure.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../src/domain/messages.ts';
import type { BatchResultRecord, BatchSummary } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import type { AdmittedTask, TaskOrder } from '../../src/domain/task.ts';
import { resolveBinary } from '../../src/embedded/binaries.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { createWorkers } from '../../src/worker.ts';
import type { imageBatch } from '../../src/workflows/index.ts';
import { failureOf } from '../support/system.ts';
import { newFolder } from '../support/temp-folder.ts';
import { brokenIds } from '../support/verify-report.ts';

/** By task name: what is not the task's own in the result handed in. */
const STRANGE: Record<string, Partial<GeneratedImage>> = {
  'other-generation': { generation_id: `g-${'0'.repeat(32)}` },
  'other-workflow': { workflow_id: 'somebody-else' },
  own: {},
};

let env: TestWorkflowEnvironment;
let outputDir: string;
beforeAll(async () => {
  const logger = { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} };
  Runtime.install({ logger, shutdownSignals: [] });
  const folder = newFolder();
  outputDir = join(folder, 'out');
  const settings = loadSettings({
    HOME: folder,
    IMGPROOF_HOME: join(folder, 'home'),
    PATH: process.env['PATH'],
  });
  env = await startServer(settings);
  const connection = env.nativeConnection;
  const namespace = env.namespace ?? 'default';
  const workers = [
    ...(await createWorkers({ settings, role: 'main', embedded: true }, connection, namespace)),
    await Worker.create({ connection, namespace, taskQueue: TASK_QUEUES.api, activities: { generateImage } }),
  ];
  const runs = workers.map((worker) => worker.run());
  return async () => {
    for (const worker of workers) worker.shutdown();
    await Promise.all(runs);
    await env.teardown();
    rmSync(folder, { recursive: true, force: true });
  };
}, 120_000);

async function startServer({ packageRoot }: Settings): Promise<TestWorkflowEnvironment> {
  const explicitPath = process.env['TEMPORAL_TEST_SERVER_PATH'];
  const { path } = await resolveBinary('test-server', { packageRoot, explicitPath, env: process.env });
  return TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  });
}

/** Makes an image, and says of it what the test wants said. */
async function generateImage(order: TaskOrder): Promise<GeneratedImage> {
  const task = await readTask(order);
  const create = { width: 816, height: 816, channels: 3, background: backgroundOf(task) } as const;
  const bytes = await sharp({ create }).png().toBuffer();
  const inspected = await inspectImage(bytes);
  if (inspected === null) throw new Error('no image');
  const { decodes: _, problem: __, ...facts } = inspected;
  const path = join(outputDir, `${task.task_name}-late.png`);
  await mkdir(outputDir, { recursive: true });
  await writeFile(path, bytes);
  const own = { generation_id: task.generation_id, workflow_id: task.task_key, attempt: 1 };
  return { ...own, image: { ...facts, path }, ...STRANGE[task.task_name] };
}

function backgroundOf({ task_name }: AdmittedTask): string {
  return { own: '#112233', 'other-generation': '#445566' }[task_name] ?? '#778899';
}

const wish = (name: string) => ({ prompt: `a ${name} image`, task_name: name, size: '816x816' });

function start(name: string): Promise<TaskHandle> {
  return env.client.workflow.start<LoneTask>(WORKFLOW_TYPES.task, {
    taskQueue: TASK_QUEUES.main,
    workflowId: name,
    args: [{ ...wish(name), output_dir: outputDir }],
  });
}

async function json<T>(...path: (string | null)[]): Promise<T> {
  return JSON.parse(await readFile(join(...path.map(String)), 'utf8')) as T;
}

describe('imageTask', () => {
  test.each(['other-generation', 'other-workflow'])(
    'with a result of %s closes Failed as OrphanLateOutput; the image is evidence, never result',
    async (name) => {
      const handle = await start(name);
      const { type, message, row } = await failureOf(handle);
      expect([type, (await handle.describe()).status.name]).toEqual([
        FAILURE_TYPES.orphanLateOutput,
        'FAILED',
      ]);
      expect(message).toMatch(/^orphan_late_output: the image handed in belongs to another generation/u);
      expect(row).toMatchObject({
        status: 'orphan_late_output',
        ok: false,
        acceptable: false,
        task_key: name,
      });

      const evidence = join(outputDir, `${name}-late.png`);
      const { run_dir } = row;
      expect(await json<ResultRecord>(row.result_json)).toMatchObject({
        ok: false,
        acceptable: false,
        not_acceptable_because: expect.arrayContaining(['ok-true', 'not-orphan']) as unknown,
        status: 'orphan_late_output',
        image_path: evidence,
        error: row.error,
      });
      expect(await json(run_dir, 'state.json')).toMatchObject({
        status: 'orphan_late_output',
        output: evidence,
        last_error: row.error,
      });
      expect(await json(run_dir, 'stdout.txt')).toMatchObject({ ok: false, status: 'orphan_late_output' });
      expect(await readFile(join(String(run_dir), 'stderr.txt'), 'utf8')).toContain('orphan_late_output');

      const report = await verifyPaths([String(run_dir)]);
      expect([report.ok, brokenIds(report)]).toEqual([false, expect.arrayContaining(['not-orphan'])]);
      // Nothing that a later order could adopt.
      expect(await readdir(join(outputDir, '_proofs')).catch(() => [])).toEqual([]);
    },
  );

  test('with a result of its own is completed, and found by a later order', async () => {
    expect(await (await start('own')).result()).toMatchObject({ status: 'completed', ok: true });
    expect(await readdir(join(outputDir, '_proofs'))).toHaveLength(1);
  });
});

test('in a batch such a task counts as failed, its row says what it is, and the others go on (B4)', async () => {
  const handle = await env.client.workflow.start<typeof imageBatch>(WORKFLOW_TYPES.batch, {
    taskQueue: TASK_QUEUES.main,
    workflowId: 'mixed',
    args: [{ output_dir: outputDir, tasks: [wish('other-generation'), wish('own')] }],
  });
  const summary: BatchSummary = await handle.result();
  expect(summary).toMatchObject({ ok: false, acceptable: false, total: 2, success: 1, failed: 1 });
  const { results } = await json<BatchResultRecord>(summary.batch_result_json);
  expect(results.map(({ task_name, status, ok }) => [task_name, status, ok])).toEqual([
    ['other-generation', 'orphan_late_output', false],
    ['own', 'completed', true],
  ]);
});
