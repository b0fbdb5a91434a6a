/**
 * A finished, acceptable batch on disk, made of real PNGs by the product's own writers: two tasks text2img, one
 * img2img (SPEC F1–F10). Tests change one thing and see which rule notices.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { orderedTask, ticketOf } from '../../src/activities/admit-one.ts';
import { writeBatchRequest } from '../../src/artifacts/batch-folder.ts';
import { writeOrderFile } from '../../src/artifacts/order-file.ts';
import { writeProofIndex } from '../../src/artifacts/proof-index.ts';
import { TaskFolder } from '../../src/artifacts/task-folder.ts';
import { proofIndexName } from '../../src/domain/ids.ts';
import { attemptFolder, FILES } from '../../src/domain/layout.ts';
import { type AttemptRecord, type ResultRecord, SCHEMA_VERSION } from '../../src/domain/records.ts';
import { resultRow } from '../../src/domain/rows.ts';
import type { AdmittedTask, InputImage } from '../../src/domain/task.ts';
import {
  admittedTask,
  answeredAttempt,
  BATCH_HASH,
  png,
  provenResult,
  sha256,
  STAMP,
  type TaskPlace,
} from './proven-records.ts';
import { readResult, recordRows } from './tamper.ts';

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
    tasks.map(({ admitted, resultPath }) => resultRow(admitted, readResult(resultPath), resultPath)),
  );
  return batch;
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
  const place = { batch_dir: admitted.run_dir, order_file: FILES.batchTask };
  await writeOrderFile(place, admitted, (text) => text);
  await writeTaskFiles(admitted, attempt, result);
  const resultPath = join(admitted.run_dir, FILES.result);
  await writeProofIndex(
    join(outputDir, FILES.proofs, proofIndexName(admitted.batch_id, admitted.task_key, sha256)),
    {
      schema_version: SCHEMA_VERSION,
      batch_id: admitted.batch_id,
      batch_hash: admitted.batch_hash,
      task_key: admitted.task_key,
      request_fingerprint: admitted.request_fingerprint,
      generation_id: admitted.generation_id,
      result_json: resultPath,
    },
  );
  const attemptPath = join(admitted.run_dir, attemptFolder(1), FILES.result);
  return { admitted, folder: admitted.run_dir, resultPath, attemptPath, imagePath };
}

async function writeTaskFiles(
  task: AdmittedTask,
  attempt: AttemptRecord,
  result: ResultRecord,
): Promise<void> {
  const folder = new TaskFolder(task.run_dir, (text) => text);
  const { provider, model, mode, size, input_images, timeout_ms, generation_id, request_fingerprint } = task;
  await folder.writeRequest({
    schema_version: SCHEMA_VERSION,
    attempt: 1,
    method: 'POST',
    endpoint_origin: 'https://api.happy.example',
    path: mode === 'edit' ? '/images/edits' : '/images/generations',
    provider,
    model,
    mode,
    size,
    input_images,
    timeout_ms,
    generation_id,
    request_fingerprint,
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
    tasks: tasks.map(({ admitted }) => {
      const order_file = `${basename(admitted.run_dir)}/${FILES.batchTask}`;
      const ticket = ticketOf(admitted, { order_file });
      return orderedTask({ task: admitted, ticket, row: null });
    }),
  });
}
