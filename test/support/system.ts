/**
 * A whole imgproof in this process: Temporal (time-skipping or real), our workers as `worker.ts` makes them, the
 * scripted provider, and folders of its own. Nothing of ours is replaced.
 */
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HistoryAndWorkflowId, WorkflowClient, WorkflowHandle } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import type { Worker } from '@temporalio/worker';
import { loadSettings, type Settings } from '../../src/config.ts';
import type { BatchRequest } from '../../src/domain/batch.ts';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../src/domain/messages.ts';
import type { BatchResultRecord, BatchSummary } from '../../src/domain/batch-records.ts';
import type { TaskRow } from '../../src/domain/records.ts';
import type { TaskRequest } from '../../src/domain/task.ts';
import { type BinaryName, resolveBinary, TEMPORAL_BINARIES } from '../../src/embedded/binaries.ts';
import type { TaskHandle } from '../../src/client.ts';
import type { imageBatch } from '../../src/workflows/index.ts';
import { createWorkers } from '../../src/worker.ts';
import {
  bytesBelow,
  CANARY_KEY,
  CANARY_TOKEN,
  canariesInPlaces,
  SAID,
  textsIn,
  TOKEN_HEADER,
} from './canary.ts';
import { type ProviderServer, startProviderServer } from './provider-server.ts';
import { quietRuntime } from './quiet-runtime.ts';
import { newFolder } from './temp-folder.ts';
import { WorkflowTaskFailures } from './workflow-task-failures.ts';

const run = promisify(execFile);

export interface System {
  kind: ServerKind;
  env: TestWorkflowEnvironment;
  client: WorkflowClient;
  provider: ProviderServer;
  settings: Settings;
  outputDir: string;
  /** A small batch request with this system's output folder and short delays; ids count up. */
  batch: (tasks: Partial<TaskRequest>[], fields?: Partial<BatchRequest>) => BatchRequest;
  /** The input of a lone task, likewise. */
  alone: (fields: Partial<TaskRequest>) => Partial<TaskRequest>;
  startBatch: (request: unknown, id?: string) => Promise<WorkflowHandle<typeof imageBatch>>;
  startTask: (request: unknown, id?: string) => Promise<TaskHandle>;
  /** Rows and counters as they are on disk. */
  recordOf: (summary: BatchSummary) => Promise<BatchResultRecord>;
  /** What the Temporal CLI prints as JSON, asked of this server. */
  temporal: (...args: string[]) => Promise<string>;
  /** Begin a workflow anew from its first task, as `temporal workflow reset` does. On the dev server only. */
  reset: <T extends Workflow>(handle: WorkflowHandle<T>) => Promise<WorkflowHandle<T>>;
  /** Failed workflow tasks of anything started here, children too, each told once: there shall be none (SPEC T1). */
  workflowTaskFailures: () => Promise<string[]>;
  /** Of everything started here that had ended when `workflowTaskFailures` was asked. */
  histories: () => readonly HistoryAndWorkflowId[];
  /** Rejects, after everything has been stopped, when a workflow task failed that was not told yet. */
  stop: () => Promise<void>;
}

export type ServerKind = 'time-skipping' | 'dev server';

/** Started once for a test file, whose `beforeAll` returns `stop`: a leftover activity stops the skipping of time. */
export async function startSystem(kind: ServerKind): Promise<System> {
  quietRuntime();
  const folder = newFolder();
  const provider = await startProviderServer({ apiKey: CANARY_KEY, repeats: SAID });
  const settings = await settingsIn(folder, provider.baseUrl);
  const failures = new WorkflowTaskFailures();
  const env = await startServer(kind, settings, failures);
  const workers = await createWorkers(
    { settings, role: 'all', embedded: true },
    env.nativeConnection,
    env.namespace ?? 'default',
  );
  const runs = workers.map((worker) => worker.run());
  const outputDir = join(folder, 'out');
  const workflowTaskFailures = () => failures.news(env.client.workflow);
  return {
    kind,
    env,
    client: env.client.workflow,
    provider,
    settings,
    outputDir,
    ...orders(env.client.workflow, outputDir),
    ...serverAccess(env, settings, failures),
    workflowTaskFailures,
    histories: () => failures.histories,
    stop: async () => {
      const news = await workflowTaskFailures().catch((error: unknown) => [`unknown: ${String(error)}`]);
      await stopSystem(env, provider, workers, runs);
      const canaries = canariesInPlaces({
        ...placesBelow(folder),
        ...Object.fromEntries(
          failures.histories.map(({ workflowId, history }) => [`history of ${workflowId}`, textsIn(history)]),
        ),
      });
      rmSync(folder, { recursive: true, force: true });
      // SPEC F9: the provider repeats key and header in all it says.
      if (canaries.length > 0) throw new Error(`secrets were written down:\n${canaries.join('\n')}`);
      if (news.length > 0) throw new Error(`workflow tasks failed on the ${kind}:\n${news.join('\n')}`);
    },
  };
}

/** But the config, where they come from. */
function placesBelow(folder: string): Record<string, string> {
  const { 'config.json': _, ...places } = bytesBelow(folder);
  return places;
}

function orders(
  client: WorkflowClient,
  outputDir: string,
): Pick<System, 'batch' | 'alone' | 'startBatch' | 'startTask' | 'recordOf'> {
  const shared = { output_dir: outputDir, retry_base_delay: 0.1, retry_jitter: 0 };
  let count = 0;
  const start = (type: string) => (request: unknown, id?: string) => {
    count += 1;
    return client.start(type, {
      taskQueue: TASK_QUEUES.main,
      workflowId: id ?? `${type}-${count}`,
      args: [request],
    });
  };
  return {
    batch: (tasks, fields = {}) => ({
      ...shared,
      ...fields,
      tasks: tasks.map((task, i) => ({ prompt: `image ${i + 1}`, ...task })),
    }),
    alone: (fields) => ({ ...shared, ...fields }),
    startBatch: start(WORKFLOW_TYPES.batch) as System['startBatch'],
    startTask: start(WORKFLOW_TYPES.task) as System['startTask'],
    recordOf: async ({ batch_result_json }) =>
      JSON.parse(await readFile(batch_result_json, 'utf8')) as BatchResultRecord,
  };
}

function serverAccess(
  env: TestWorkflowEnvironment,
  settings: Settings,
  failures: WorkflowTaskFailures,
): Pick<System, 'temporal' | 'reset'> {
  const temporal = async (...args: string[]) => {
    const { path } = await binary('temporal', settings);
    const options = { env: {}, maxBuffer: 64 * 1024 * 1024 };
    return (await run(path, [...args, '--address', env.address, '-o', 'json'], options)).stdout;
  };
  return {
    temporal,
    reset: async ({ workflowId }) => {
      const to = ['--type', 'FirstWorkflowTask', '--reason', 'test'];
      const { runId } = JSON.parse(await temporal('workflow', 'reset', '-w', workflowId, ...to)) as {
        runId: string;
      };
      failures.watch({ workflowId, runId });
      return env.client.workflow.getHandle(workflowId, runId);
    },
  };
}

async function settingsIn(folder: string, baseUrl: string): Promise<Settings> {
  const home = join(folder, 'home');
  await mkdir(home, { recursive: true });
  const config = join(folder, 'config.json');
  const happy = { baseUrl, apiKey: CANARY_KEY, headers: { [TOKEN_HEADER]: CANARY_TOKEN } };
  await writeFile(config, JSON.stringify({ providers: { happy } }));
  return loadSettings({
    HOME: folder,
    IMGPROOF_HOME: home,
    IMGPROOF_CONFIG: config,
    PATH: process.env['PATH'],
  });
}

/** What it warns of, tests provoke on purpose. */
const QUIET_SERVER = { format: 'pretty', level: 'error' };

async function startServer(
  kind: ServerKind,
  settings: Settings,
  { interceptor }: WorkflowTaskFailures,
): Promise<TestWorkflowEnvironment> {
  const client = { interceptors: { workflow: [interceptor] } };
  switch (kind) {
    case 'time-skipping': {
      const executable = await binary('test-server', settings);
      return TestWorkflowEnvironment.createTimeSkipping({ server: { executable }, client });
    }
    case 'dev server': {
      const executable = await binary('temporal', settings);
      const extraArgs = ['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=10000'];
      return TestWorkflowEnvironment.createLocal({
        server: { executable, extraArgs, log: QUIET_SERVER },
        client,
      });
    }
  }
}

async function binary(name: BinaryName, { packageRoot }: Settings) {
  const explicitPath = process.env[TEMPORAL_BINARIES[name].variable];
  const { path } = await resolveBinary(name, { packageRoot, explicitPath, env: process.env });
  return { type: 'existing-path' as const, path };
}

async function stopSystem(
  env: TestWorkflowEnvironment,
  provider: ProviderServer,
  workers: Worker[],
  runs: Promise<void>[],
): Promise<void> {
  for (const worker of workers) worker.shutdown();
  await provider.close();
  await Promise.allSettled(runs);
  await env.teardown();
}

/** The row a failed task carries, and the type it failed with. */
export async function failureOf(
  handle: TaskHandle,
): Promise<{ type: string; message: string; row: TaskRow }> {
  const error = await handle.result().then(
    () => {
      throw new Error('the task did not fail');
    },
    (reason: unknown) => reason,
  );
  const { cause } = error as { cause: { type: string; message: string; details?: [TaskRow] } };
  return { type: cause.type, message: cause.message, row: cause.details?.[0] as TaskRow };
}

/** The attempt that a task's paid call is at or waits for. */
export async function pendingAttempt(handle: WorkflowHandle): Promise<number | undefined> {
  const { raw } = await handle.describe();
  return raw.pendingActivities?.[0]?.attempt ?? undefined;
}

/** Every file below a folder, relative, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}
