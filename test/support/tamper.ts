/** Ways to change a proven batch: what a fault, a user or a forger leaves behind. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { recordRows as recordTaskRows } from '../../src/activities/record-batch.ts';
import { TaskFolder } from '../../src/artifacts/task-folder.ts';
import { FILES } from '../../src/domain/layout.ts';
import type { BatchRequestRecord, BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord, TaskRow } from '../../src/domain/records.ts';
import { emptyRow, resultRow, rowFields } from '../../src/domain/rows.ts';
import type { ProvenBatch, ProvenTask } from './proven-batch.ts';
import { sha256, STAMP } from './proven-records.ts';

/** Change a `result.json`, its row with it, and the counters: as if the batch had ended like this. */
export async function rewriteResult(
  batch: ProvenBatch,
  task: ProvenTask,
  change: Partial<Record<keyof ResultRecord, unknown>>,
): Promise<void> {
  editJson(task.resultPath, (result) => Object.assign(result, change));
  const result = readResult(task.resultPath);
  const { provider, model, mode } = result;
  const rows = readSummary(batch).results;
  await recordRows(
    batch,
    rows.map((row) =>
      row.index === task.admitted.index ? { ...row, ...rowFields(result), provider, model, mode } : row,
    ),
  );
}

/** Take an earlier batch's result over, as admission does (SPEC H4): a copy without attempts that says where from. */
export async function adoptInto(batch: ProvenBatch, task: ProvenTask, from: ProvenTask): Promise<void> {
  const origin = readResult(from.resultPath);
  const copy: ResultRecord = { ...origin, index: task.admitted.index, adopted_from: from.resultPath };
  await new TaskFolder(task.folder, (text) => text).writeResult(copy);
  const row = resultRow(task.admitted, copy, task.resultPath);
  const rows = readSummary(batch).results;
  await recordRows(
    batch,
    rows.map((one) => (one.index === row.index ? row : one)),
  );
}

/** Write `batch_result.json` anew for these rows. */
export async function recordRows(batch: ProvenBatch, rows: TaskRow[]): Promise<void> {
  await recordTaskRows(batch.batchDir, { request: readRequest(batch), rows }, { redactLong: (text) => text });
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

/** The same result under `_runs`, as a task started alone leaves it (SPEC F2). */
export function asLoneRun(batch: ProvenBatch, task: ProvenTask): string {
  const folder = join(batch.outputDir, FILES.runs, `${task.admitted.task_name}-${STAMP}`);
  mkdirSync(join(folder, 'attempt-01'), { recursive: true });
  copyFileSync(task.attemptPath, join(folder, 'attempt-01', basename(task.attemptPath)));
  copyFileSync(task.resultPath, join(folder, FILES.result));
  editJson(join(folder, FILES.result), (result) =>
    Object.assign(result, { batch_id: null, run_dir: folder }),
  );
  return folder;
}

export function readResult(path: string): ResultRecord {
  return JSON.parse(readFileSync(path, 'utf8')) as ResultRecord;
}

export function readSummary({ summaryPath }: ProvenBatch): BatchResultRecord {
  return JSON.parse(readFileSync(summaryPath, 'utf8')) as BatchResultRecord;
}

function readRequest({ requestPath }: ProvenBatch): BatchRequestRecord {
  return JSON.parse(readFileSync(requestPath, 'utf8')) as BatchRequestRecord;
}

export function editJson(path: string, edit: (value: Record<string, unknown>) => void): void {
  const value = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  edit(value);
  writeFileSync(path, JSON.stringify(value, null, 2));
}
