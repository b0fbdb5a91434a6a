/**
 * The paid activity as a worker runs it, without a Temporal server: real spool, real config, real sockets to the
 * scripted provider, and folders of its own. Several Temporal attempts may run in it at a time.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActivityCancellationDetails, type ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import sharp from 'sharp';
import { expect, onTestFinished } from 'vitest';
import { ticketOf } from '../../src/activities/admit-one.ts';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { createPaidActivities } from '../../src/activities/index.ts';
import { sha256 } from '../../src/activities/sha256.ts';
import { WorkerSlots } from '../../src/activities/worker-slots.ts';
import { SigningKeys } from '../../src/artifacts/signing-keys.ts';
import { Spool } from '../../src/artifacts/spool.ts';
import { loadSettings, resolveProvider } from '../../src/config.ts';
import type { Delivery, GeneratedImage } from '../../src/domain/activity-contract.ts';
import { generationId, requestFingerprint } from '../../src/domain/ids.ts';
import type { AttemptHeartbeat } from '../../src/domain/messages.ts';
import { type AttemptRecord, SCHEMA_VERSION, type TaskStateRecord } from '../../src/domain/records.ts';
import {
  type AdmittedTask,
  type InputImage,
  modeFor,
  orderOf,
  type TaskOrder,
} from '../../src/domain/task.ts';
import { ProviderLanes } from '../../src/provider/lane.ts';
import { createSecrets } from '../../src/provider/secrets.ts';
import { CANARY_KEY, CANARY_TOKEN, SAID, TOKEN_HEADER } from './canary.ts';
import { type ProviderServer, type ProviderServerOptions, startProviderServer } from './provider-server.ts';
import { filesBelow } from './system.ts';
import { tempFolder } from './temp-folder.ts';

/** What the worker's config says, beside a header with a secret of its own. */
export const API_KEY = CANARY_KEY;

export const RUN_ID = '8d7f0a52-3c61-4f0e-9a55-1d2c5b7e9f10';

export interface ActivityWorld {
  provider: ProviderServer;
  deps: ActivityDeps;
  folder: string;
  outputDir: string;
  spoolDir: string;
  /** All that Temporal or a log was told: heartbeats, failures, results, rows, lines. */
  told: unknown[];
  /** A task that passed admission: the cheapest legal size, quick retries, and what is wished. */
  task: (wish?: Partial<AdmittedTask>) => AdmittedTask;
  /** Write another entry of the provider `happy` into the worker's config; it is read at the next call. */
  configure: (happy: object) => Promise<void>;
  /** A reference image on disk, as admission records it. */
  reference: (name?: string, background?: string) => Promise<InputImage>;
  /** Temporal attempt `n` of this task: always the same workflow id, and run id unless another is given. */
  attempt: (task: AdmittedTask, n?: number, from?: AttemptOrigin) => Attempt;
  /** What its workflow hands to the activities; its order file is in a folder of its own. */
  order: (task: AdmittedTask) => TaskOrder;
  /** `attempt-NN/result.json`. */
  recordOf: (task: AdmittedTask, attempt?: number) => Promise<AttemptRecord>;
  stateOf: (task: AdmittedTask) => Promise<TaskStateRecord>;
  /** Answers that were paid for and are kept. */
  spooledAnswers: () => Promise<string[]>;
  /** Images, by name. */
  images: () => Promise<string[]>;
}

export interface AttemptOrigin {
  runId?: string;
  /** The activities of a worker process; default: those of the only one. */
  worker?: PaidActivities;
  /** When the server scheduled it, milliseconds since 1970; default: now. */
  scheduledAtMs?: number;
  /** What the attempt before told last. */
  heartbeatDetails?: Partial<AttemptHeartbeat>;
}

export type PaidActivities = ReturnType<typeof createPaidActivities>;

export type CancelReason =
  | 'cancelRequested'
  | 'workerShutdown'
  | 'timedOut'
  | 'notFound'
  | 'paused'
  | 'reset';

export interface Attempt {
  result: Promise<GeneratedImage>;
  /** Details of each sign of life so far. */
  heartbeats: AttemptHeartbeat[];
  cancel: (why: CancelReason) => void;
}

/** Folders that are not below the world's own. */
export interface Places {
  outputDir?: string;
  spoolDir?: string;
}

export async function activityWorld(
  options: ProviderServerOptions = {},
  places: Places = {},
): Promise<ActivityWorld> {
  const folder = tempFolder();
  const provider = await startProviderServer({ apiKey: API_KEY, repeats: SAID, ...options });
  onTestFinished(() => provider.close());
  const { outputDir = join(folder, 'out'), spoolDir = join(folder, 'home', 'spool') } = places;
  const config = join(folder, 'config.json');
  const headers = { [TOKEN_HEADER]: CANARY_TOKEN };
  const configure = (happy: object) =>
    writeFile(config, JSON.stringify({ providers: { happy: { headers, ...happy } } }));
  const told: unknown[] = [];
  await configure({ baseUrl: provider.baseUrl, apiKey: API_KEY });
  const deps = await activityDeps(folder, config, spoolDir, outputDir);
  const onlyWorker = createPaidActivities(deps);
  const order = (task: AdmittedTask) => orderIn(join(folder, 'orders'), task);
  const world: ActivityWorld = {
    provider,
    deps,
    told,
    folder,
    outputDir,
    spoolDir,
    configure,
    task: (wish = {}) => admittedTask(outputDir, wish),
    reference: (name = 'reference', background = '#336699') => newReference(folder, name, background),
    attempt: (task, n = 1, { runId = RUN_ID, worker = onlyWorker, ...from } = {}) =>
      start(worker, order(task), { attempt: n, runId, ...from }, told),
    order,
    recordOf: (task, attempt = 1) => readJson(join(task.run_dir, `attempt-0${attempt}`, 'result.json')),
    stateOf: (task) => readJson(join(task.run_dir, 'state.json')),
    spooledAnswers: async () => (await filesIn(spoolDir)).filter((name) => name.endsWith('.answer')),
    images: async () => (await filesIn(outputDir)).filter((name) => !name.includes('/')),
  };
  WORLDS.push(world);
  onTestFinished(() => void WORLDS.splice(WORLDS.indexOf(world), 1));
  return world;
}

/** Of the test that runs now. */
export const WORLDS: ActivityWorld[] = [];

/** The failure that Temporal gets of an attempt. */
export async function failureOf({ result }: Attempt): Promise<ApplicationFailure> {
  const error: unknown = await result.then(
    () => new Error('the attempt succeeded'),
    (reason: unknown) => reason,
  );
  expect((error as Error).name, String(error)).toBe('ApplicationFailure');
  return error as ApplicationFailure;
}

/** As `worker.ts` makes them from settings, with every folder allowed. */
async function activityDeps(
  folder: string,
  config: string,
  spoolDir: string,
  outputDir: string,
): Promise<ActivityDeps> {
  const settings = loadSettings({
    HOME: folder,
    IMGPROOF_HOME: join(folder, 'home'),
    IMGPROOF_CONFIG: config,
  });
  const secrets = createSecrets();
  secrets.remember((await resolveProvider(settings, 'happy')).secrets);
  return {
    spool: new Spool(spoolDir),
    keys: new SigningKeys(join(settings.home, 'keys')),
    slots: new WorkerSlots(),
    lanes: new ProviderLanes(),
    leaving: new AbortController().signal,
    isHeld: () => Promise.resolve(false),
    resolveProvider: (name, model) => resolveProvider(settings, name, model),
    redact: secrets.redact,
    redactLong: secrets.redactLong,
    redactBody: secrets.redactBody,
    defaults: { outputDir, batchRoot: null, queueDir: join(folder, 'queue'), queueOutputDir: outputDir },
    prices: () => null,
    allowMock: false,
    inputRoots: () => null,
    outputRoots: () => null,
    heartbeatTimeoutMs: 20_000,
  };
}

function admittedTask(outputDir: string, wish: Partial<AdmittedTask>): AdmittedTask {
  const task_key = wish.task_key ?? 'batch-1/cover';
  const input_images = wish.input_images ?? [];
  const request = {
    provider: 'happy',
    model: 'gpt-image-2',
    mode: modeFor(input_images),
    prompt: 'a lighthouse',
    raw: false,
    size: '816x816',
    options: {},
    ...wish,
  };
  const origin = { namespace: 'default', workflow_id: task_key, order_run_id: RUN_ID, retry: 0 };
  return {
    task_name: 'cover',
    task_key,
    index: 1,
    batch_id: 'batch-1',
    batch_hash: sha256('batch-1'),
    input_images,
    timeout_ms: 30_000,
    task_timeout_ms: null,
    on_unknown: 'retry',
    max_attempts: 3,
    retry_base_delay_ms: 100,
    retry_max_delay_ms: 1_000,
    retry_jitter_ms: 0,
    output_dir: outputDir,
    run_dir: join(outputDir, 'batches', 'batch-1', '01-cover'),
    stamp: '20261124-150231',
    adopts: false,
    warnings: [],
    heartbeat_timeout_ms: 20_000,
    generation_id: generationId(origin, sha256),
    request_fingerprint: requestFingerprint(request, input_images, sha256),
    ...request,
  };
}

function orderIn(folder: string, task: AdmittedTask): TaskOrder {
  const order_file = `${sha256(JSON.stringify(task)).slice(0, 16)}.json`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, order_file), JSON.stringify({ schema_version: SCHEMA_VERSION, ...task }));
  return orderOf(ticketOf(task, { order_file }), folder);
}

async function newReference(folder: string, name: string, background: string): Promise<InputImage> {
  const path = join(folder, `${name}.png`);
  const bytes = await sharp({ create: { width: 64, height: 48, channels: 3, background } })
    .png()
    .toBuffer();
  await writeFile(path, bytes);
  return { path, sha256: sha256(bytes), bytes: bytes.length, mime: 'image/png' };
}

export const SILENT = new DefaultLogger('ERROR', () => undefined);

interface AttemptInfo {
  attempt: number;
  runId: string;
  heartbeatDetails?: Partial<AttemptHeartbeat>;
  scheduledAtMs?: number;
}

function start(
  { generateImage }: PaidActivities,
  order: TaskOrder,
  origin: AttemptInfo,
  told: unknown[],
): Attempt {
  const { attempt, runId, heartbeatDetails, scheduledAtMs = Date.now() } = origin;
  const info = {
    attempt,
    heartbeatDetails,
    workflowExecution: { workflowId: order.task_key, runId },
    currentAttemptScheduledTimestampMs: scheduledAtMs,
  };
  const logger = new DefaultLogger('TRACE', (line) => void told.push(line));
  const env = new MockActivityEnvironment(info, { logger });
  const heartbeats: AttemptHeartbeat[] = [];
  env.on('heartbeat', (details: AttemptHeartbeat) => {
    heartbeats.push(details);
    told.push(details);
  });
  const result = env.run<[TaskOrder], Delivery, typeof generateImage>(
    generateImage,
    order,
  ) as Promise<GeneratedImage>;
  // Tests may look at it later than it fails.
  result.then(
    (delivery) => told.push(delivery),
    (error: unknown) => told.push(error),
  );
  return {
    result,
    heartbeats,
    cancel: (why) => {
      env.cancel('CANCELLED', new ActivityCancellationDetails({ [why]: true }));
    },
  };
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, 'utf8')) as T;
}

/** None when the folder was never made. */
function filesIn(folder: string): Promise<string[]> {
  return filesBelow(folder).catch(() => []);
}
