/**
 * A finished, acceptable batch on disk, made of real PNGs by the product's own writers: two tasks text2img, one
 * img2img (SPEC F1–F10). Tests change one thing and see which rule notices.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { createRecordBatch } from '../../src/activities/record-batch.ts';
import { writeBatchRequest, writeBatchTask } from '../../src/artifacts/batch-folder.ts';
import { writeProofIndex } from '../../src/artifacts/proof-index.ts';
import { TaskFolder } from '../../src/artifacts/task-folder.ts';
import type { Admission } from '../../src/domain/batch.ts';
import { generationId, proofIndexName, requestFingerprint } from '../../src/domain/ids.ts';
import { FILES, taskFolder } from '../../src/domain/layout.ts';
import {
  type AttemptRecord,
  type BatchRequestRecord,
  type BatchResultRecord,
  type ResultRecord,
  SCHEMA_VERSION,
  type TaskRow,
} from '../../src/domain/records.ts';
import { emptyRow, resultRow, rowFields } from '../../src/domain/rows.ts';
import { type AdmittedTask, type InputImage, modeFor } from '../../src/domain/task.ts';

export interface ProvenTask {
  admitted: AdmittedTask;
  /** Folder of the proof. */
  folder: string;
  resultPath: string;
  attemptPath: string;
  imagePath: string;
}

export interface ProvenBatch {
  outputDir: string;
  batchDir: string;
  requestPath: string;
  summaryPath: string;
  referencePath: string;
  /** `cover`, `hero` (text2img), `redraw` (img2img). */
  tasks: [ProvenTask, ProvenTask, ProvenTask];
}

const STAMP = '20261124-150231';
const BATCH_HASH = sha256('the order');
const SIZE = { width: 64, height: 48 };

/** Everything lies below `<root>/out`, the reference in `<root>/refs`. */
export async function provenBatch(root: string, batchName = 'covers'): Promise<ProvenBatch> {
  const outputDir = join(root, 'out');
  const batchDir = join(outputDir, FILES.batches, `${batchName}-${STAMP}-1a2b3c`);
  const referencePath = join(root, 'refs', 'person.png');
  mkdirSync(join(root, 'refs'), { recursive: true });
  mkdirSync(outputDir, { recursive: true });
  const referenceBytes = await png('reference');
  writeFileSync(referencePath, referenceBytes);
  const reference: InputImage = {
    path: referencePath,
    sha256: sha256(referenceBytes),
    bytes: referenceBytes.length,
    mime: 'image/png',
  };
  const base = { outputDir, batchDir, batchName };
  const tasks: ProvenBatch['tasks'] = [
    await proveTask(base, 1, 'cover', []),
    await proveTask(base, 2, 'hero', []),
    await proveTask(base, 3, 'redraw', [reference]),
  ];
  const batch: ProvenBatch = {
    outputDir,
    batchDir,
    requestPath: join(batchDir, FILES.batchRequest),
    summaryPath: join(batchDir, FILES.batchResult),
    referencePath,
    tasks,
  };
  await writeRequest(batch, batchName);
  await recordRows(
    batch,
    tasks.map(({ admitted, resultPath }) => resultRow(admitted, readJson<ResultRecord>(resultPath), resultPath)),
  );
  return batch;
}

/** Change a `result.json`, its row with it, and the counters: as if the batch had ended like this. */
export async function rewriteResult(
  batch: ProvenBatch,
  task: ProvenTask,
  change: Partial<Record<keyof ResultRecord, unknown>>,
): Promise<void> {
  editJson(task.resultPath, (result) => Object.assign(result, change));
  const result = readJson<ResultRecord>(task.resultPath);
  const { provider, model, mode } = result;
  const rows = readJson<BatchResultRecord>(batch.summaryPath).results;
  await recordRows(
    batch,
    rows.map((row) => (row.index === task.admitted.index ? { ...row, ...rowFields(result), provider, model, mode } : row)),
  );
}

/** Take an earlier batch's result over, as admission does (SPEC H4): a copy without attempts that says where from. */
export async function adoptInto(batch: ProvenBatch, task: ProvenTask, from: ProvenTask): Promise<void> {
  const origin = readJson<ResultRecord>(from.resultPath);
  const copy: ResultRecord = { ...origin, index: task.admitted.index, adopted_from: from.resultPath };
  await new TaskFolder(task.folder, (text) => text).writeResult(copy);
  const row = resultRow(task.admitted, copy, task.resultPath);
  const rows = readJson<BatchResultRecord>(batch.summaryPath).results;
  await recordRows(batch, rows.map((one) => (one.index === row.index ? row : one)));
}

/** Write `batch_result.json` anew for these rows. */
export async function recordRows(batch: ProvenBatch, rows: TaskRow[]): Promise<void> {
  const { batch_id, batch_name, batch_hash, total } = readJson<BatchRequestRecord>(batch.requestPath);
  const admission: Omit<Admission, 'tasks' | 'rows' | 'warnings'> = {
    batch_id,
    batch_name,
    batch_hash,
    batch_dir: batch.batchDir,
    max_workers: 4,
    queue_limit: 200,
    total,
  };
  await createRecordBatch()({ admission, rows, cancelled: false });
}

/** The row of a task that ended without a result. */
export function rowWithoutResult(task: ProvenTask, status: TaskRow['status'], error: string): TaskRow {
  return { ...emptyRow(task.admitted, status), error };
}

/** Replace an image, and let the record know: bytes, hash and row fit, as a forger would. */
export async function replaceImage(batch: ProvenBatch, task: ProvenTask, image: Buffer): Promise<void> {
  writeFileSync(task.imagePath, image);
  await rewriteResult(batch, task, { bytes: image.length, sha256: sha256(image) });
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}

export function editJson(path: string, edit: (value: Record<string, unknown>) => void): void {
  const value = readJson<Record<string, unknown>>(path);
  edit(value);
  writeFileSync(path, JSON.stringify(value, null, 2));
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A picture of its own for every seed. */
export async function png(seed: string): Promise<Buffer> {
  const [r = 0, g = 0, b = 0] = createHash('sha256').update(seed).digest();
  const noise = Buffer.from(
    Array.from({ length: SIZE.width * SIZE.height * 3 }, (_, i) => ([r, g, b][i % 3] ?? 0) ^ ((i * 7) & 0x1f)),
  );
  return sharp(noise, { raw: { ...SIZE, channels: 3 } }).png().toBuffer();
}

interface TaskPlace {
  outputDir: string;
  batchDir: string;
  batchName: string;
}

async function proveTask(
  { outputDir, batchDir, batchName }: TaskPlace,
  index: number,
  name: string,
  references: InputImage[],
): Promise<ProvenTask> {
  const admitted = admittedTask({ outputDir, batchDir, batchName }, index, name, references);
  const image = await png(`${batchName} ${name}`);
  const imagePath = join(outputDir, `${name}-${STAMP}${batchName === 'covers' ? '' : `-${batchName}`}.png`);
  writeFileSync(imagePath, image);
  const attempt = answeredAttempt(admitted, index);
  const result = provenResult(admitted, attempt, imagePath, image);
  await writeBatchTask(admitted.run_dir, { schema_version: SCHEMA_VERSION, ...admitted });
  await writeTaskFiles(admitted, attempt, result);
  const resultPath = join(admitted.run_dir, FILES.result);
  await writeProofIndex(join(outputDir, FILES.proofs, proofIndexName(admitted.batch_id, admitted.task_key, sha256)), {
    schema_version: SCHEMA_VERSION,
    batch_id: admitted.batch_id,
    batch_hash: admitted.batch_hash,
    task_key: admitted.task_key,
    request_fingerprint: admitted.request_fingerprint,
    generation_id: admitted.generation_id,
    result_json: resultPath,
  });
  const attemptPath = join(admitted.run_dir, 'attempt-01', FILES.result);
  return { admitted, folder: admitted.run_dir, resultPath, attemptPath, imagePath };
}

function admittedTask(
  { outputDir, batchDir, batchName }: TaskPlace,
  index: number,
  name: string,
  input_images: InputImage[],
): AdmittedTask {
  const task_key = `${batchName}-id/${name}`;
  const wish = {
    task_name: name,
    prompt: `Realistic photo for ${name}`,
    raw: false,
    mode: modeFor(input_images),
    provider: 'happy',
    model: 'gpt-image-2',
    size: `${SIZE.width}x${SIZE.height}`,
    options: {},
  };
  const origin = { namespace: 'default', workflow_id: task_key, order_run_id: 'order-run', retry: 0 };
  return {
    ...wish,
    task_key,
    index,
    batch_id: `${batchName}-id`,
    batch_hash: BATCH_HASH,
    input_images,
    generation_id: generationId(origin, sha256),
    request_fingerprint: requestFingerprint(wish, input_images, sha256),
    run_dir: join(batchDir, taskFolder(index, 3, name)),
    stamp: STAMP,
    timeout_ms: 600_000,
    max_attempts: 3,
    retry_base_delay_ms: 8_000,
    retry_max_delay_ms: 45_000,
    retry_jitter_ms: 5_000,
    output_dir: outputDir,
    heartbeat_timeout_ms: 30_000,
  };
}

function answeredAttempt(task: AdmittedTask, slot: number): AttemptRecord {
  return {
    schema_version: SCHEMA_VERSION,
    attempt: 1,
    temporal_attempt: 1,
    ok: true,
    workflow_id: task.task_key,
    generation_id: task.generation_id,
    worker_id: `host-a/slot-${slot}`,
    pid: 4711,
    thread_id: 0,
    run_id: `run-of-${task.task_name}`,
    phase: 'done',
    started_at: '2026-11-24T15:02:31.000Z',
    ended_at: '2026-11-24T15:04:12.000Z',
    elapsed_ms: 101_000,
    http_status: 200,
    request_id: `req_${task.task_name}`,
    category: null,
    error: null,
    retryable: false,
    billing: 'yes',
    next_attempt_at: null,
    answer: { usage: { total_tokens: 1_234 }, revised_prompt: null, warnings: [] },
  };
}

function provenResult(task: AdmittedTask, attempt: AttemptRecord, imagePath: string, image: Buffer): ResultRecord {
  const { task_key, task_name, index, batch_id, batch_hash, provider, model, mode, input_images, size } = task;
  const { worker_id, pid, thread_id, run_id } = attempt;
  return {
    schema_version: SCHEMA_VERSION,
    ok: true,
    acceptable: true,
    not_acceptable_because: [],
    status: 'completed',
    stage: 'done',
    ...{ task_key, task_name, index, batch_id, batch_hash, provider, model, mode, input_images, size },
    ...{ worker_id, pid, thread_id, run_id },
    endpoint_origin: 'https://api.happy.example',
    output: imagePath,
    image_path: imagePath,
    bytes: image.length,
    sha256: sha256(image),
    format: 'png',
    ...SIZE,
    options: {},
    warnings: [],
    prompt: task.prompt,
    prompt_sent: task.prompt,
    raw: task.raw,
    safety_rules: [],
    attempts_count: 1,
    attempts: [attempt],
    billing: { no: 0, possible: 0, yes: 1 },
    usage: { total_tokens: 1_234 },
    request_id: attempt.request_id,
    generation_id: task.generation_id,
    request_fingerprint: task.request_fingerprint,
    workflow_id: task_key,
    run_dir: task.run_dir,
    created_at: '2026-11-24T15:04:12.500Z',
    error: null,
    diagnosis: null,
    http_status: 200,
  };
}

async function writeTaskFiles(task: AdmittedTask, attempt: AttemptRecord, result: ResultRecord): Promise<void> {
  const folder = new TaskFolder(task.run_dir, (text) => text);
  const { provider, model, mode, size, input_images, timeout_ms, generation_id, request_fingerprint } = task;
  await folder.writeRequest({
    schema_version: SCHEMA_VERSION,
    attempt: 1,
    method: 'POST',
    endpoint_origin: 'https://api.happy.example',
    path: mode === 'edit' ? '/images/edits' : '/images/generations',
    ...{ provider, model, mode, size, input_images, timeout_ms, generation_id, request_fingerprint },
    prompt_sent: task.prompt,
    options: {},
    client_request_id: `${generation_id}-1`,
    created_at: attempt.started_at,
  });
  await folder.writeAttempt(attempt);
  await folder.writeState({
    schema_version: SCHEMA_VERSION,
    status: 'completed',
    task_key: task.task_key,
    attempt: 1,
    max_attempts: 3,
    started_at: attempt.started_at,
    updated_at: result.created_at,
    elapsed_seconds: 101,
    output: result.image_path,
    last_error: null,
  });
  await folder.writeResult(result);
}

async function writeRequest({ batchDir, outputDir, tasks }: ProvenBatch, batchName: string): Promise<void> {
  await writeBatchRequest(batchDir, {
    schema_version: SCHEMA_VERSION,
    batch_id: `${batchName}-id`,
    batch_hash: BATCH_HASH,
    batch_name: batchName,
    workflow_id: `${batchName}-id`,
    order_run_id: 'order-run',
    created_at: '2026-11-24T15:02:30.000Z',
    max_workers: 4,
    queue_limit: 200,
    output_dir: outputDir,
    total: tasks.length,
    warnings: [],
    tasks: tasks.map(({ admitted: { index, task_key, task_name, run_dir } }) => ({
      ...{ index, task_key, task_name, run_dir },
      status: 'queued' as const,
    })),
  });
}

/** The same result under `_runs`, as a task started alone leaves it (SPEC F2). */
export function asLoneRun(batch: ProvenBatch, task: ProvenTask): string {
  const folder = join(batch.outputDir, FILES.runs, `${task.admitted.task_name}-${STAMP}`);
  mkdirSync(join(folder, 'attempt-01'), { recursive: true });
  copyFileSync(task.attemptPath, join(folder, 'attempt-01', basename(task.attemptPath)));
  copyFileSync(task.resultPath, join(folder, FILES.result));
  editJson(join(folder, FILES.result), (result) => Object.assign(result, { batch_id: null, run_dir: folder }));
  return folder;
}
