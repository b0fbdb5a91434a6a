/** Records of tasks that went well, as the product's types have them; the numbers are made up, the pictures are real. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import sharp from 'sharp';
import { generationId, requestFingerprint } from '../../src/domain/ids.ts';
import { taskFolder } from '../../src/domain/layout.ts';
import { type AttemptRecord, type ResultRecord, SCHEMA_VERSION } from '../../src/domain/records.ts';
import { type AdmittedTask, type InputImage, modeFor } from '../../src/domain/task.ts';

export const STAMP = '20261124-150231';
const SIZE = { width: 64, height: 48 };
export const BATCH_HASH = sha256('the order');

export interface TaskPlace {
  outputDir: string;
  batchDir: string;
  batchName: string;
}

export function admittedTask(
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
    task_timeout_ms: null,
    on_unknown: 'retry',
    timeout_ms: 600_000,
    max_attempts: 3,
    retry_base_delay_ms: 8_000,
    retry_max_delay_ms: 45_000,
    retry_jitter_ms: 5_000,
    output_dir: outputDir,
    warnings: [],
    adopts: false,
    heartbeat_timeout_ms: 30_000,
  };
}

export function answeredAttempt(task: AdmittedTask, slot: number): AttemptRecord {
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

export function provenResult(
  task: AdmittedTask,
  attempt: AttemptRecord,
  imagePath: string,
  image: Buffer,
): ResultRecord {
  const { task_key, task_name, index, batch_id, batch_hash, provider, model, mode, input_images, size } =
    task;
  const { worker_id, pid, thread_id, run_id } = attempt;
  return {
    schema_version: SCHEMA_VERSION,
    ok: true,
    acceptable: true,
    not_acceptable_because: [],
    status: 'completed',
    stage: 'done',
    task_key,
    task_name,
    index,
    batch_id,
    batch_hash,
    provider,
    model,
    mode,
    input_images,
    size,
    worker_id,
    pid,
    thread_id,
    run_id,
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

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A picture of its own for every seed. */
export async function png(seed: string): Promise<Buffer> {
  const [r = 0, g = 0, b = 0] = createHash('sha256').update(seed).digest();
  const noise = Buffer.from(
    Array.from(
      { length: SIZE.width * SIZE.height * 3 },
      (_, i) => ([r, g, b][i % 3] ?? 0) ^ ((i * 7) & 0x1f),
    ),
  );
  return sharp(noise, { raw: { ...SIZE, channels: 3 } })
    .png()
    .toBuffer();
}
