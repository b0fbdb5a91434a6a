import { basename, join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { readBatchRequest, writeBatchResult } from '../artifacts/batch-folder.ts';
import { readJson, TaskFolder } from '../artifacts/task-folder.ts';
import type { ImageActivities } from '../domain/activity-contract.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { FILES } from '../domain/layout.ts';
import { countersOf } from '../domain/completeness.ts';
import type {
  BatchRequestRecord,
  BatchResultRecord,
  BatchSummary,
  OrderedTask,
} from '../domain/batch-records.ts';
import { type ResultRecord, SCHEMA_VERSION, type TaskEnd, type TaskRow } from '../domain/records.ts';
import { emptyRow, resultRow } from '../domain/rows.ts';
import type { ActivityDeps } from './deps.ts';
import { queueEndOf } from './queue-rows.ts';
import { recordManifest } from './sign.ts';
import { tellFolder } from './tell-queue.ts';

/** Last words of a batch (SPEC F8), and of those tasks in it that never had a workflow of their own. */
export function createRecordBatch(
  deps: Pick<ActivityDeps, 'redactLong' | 'keys'>,
): ImageActivities['recordBatch'] {
  return async ({ batch_dir, ends, max_workers }): Promise<BatchSummary> => {
    const ordered = await readBatchRequest(batch_dir);
    if (ordered === null) throw folderGone(batch_dir);
    const request = { ...ordered, max_workers: max_workers ?? ordered.max_workers };
    const said = new Map(ends.map((end) => [end.index, end]));
    const rows = await Promise.all(request.tasks.map((task) => rowOf(task, said.get(task.index))));
    const { record, path } = await recordRows(batch_dir, { request, rows }, deps);
    const manifest = await recordManifest(deps, path, record);
    await tellEnd(deps, request, rows);
    const { results: _, schema_version: __, ...summary } = record;
    return { ...summary, batch_result_json: path, manifest };
  };
}

/** The record of these rows, and the last state of those without a result. */
export async function recordRows(
  batchDir: string,
  { request, rows }: { request: BatchRequestRecord; rows: readonly TaskRow[] },
  deps: Pick<ActivityDeps, 'redactLong'>,
): Promise<{ record: BatchResultRecord; path: string }> {
  for (const row of rows) if (row.result_json === null) await writeEndState(row, deps);
  const record = batchResult(batchDir, request, rows);
  return { record, path: await writeBatchResult(batchDir, record) };
}

/** A queue's files say that it is over, also of tasks that nobody could speak for. */
async function tellEnd(
  deps: Pick<ActivityDeps, 'redactLong'>,
  { queue, tasks }: BatchRequestRecord,
  rows: readonly TaskRow[],
): Promise<void> {
  if (queue === undefined) return;
  const taskIds = new Map(tasks.map(({ index, run_dir }) => [index, basename(run_dir)]));
  const ends = new Map(rows.map((row) => [taskIds.get(row.index) ?? '', queueEndOf(row)]));
  await tellFolder(deps, queue.state_dir, (folder) => folder.done(queue.queue_id, ends));
}

/** What the folder says; of a task that left no result there what its batch knows of its end. */
async function rowOf(task: OrderedTask, end: TaskEnd | undefined): Promise<TaskRow> {
  const path = join(task.run_dir, FILES.result);
  const result = await readJson<ResultRecord>(path);
  if (result !== null) return resultRow(task, result, path);
  return { ...emptyRow(task, 'failed'), ...(end ?? LOST) };
}

const LOST = {
  error: 'it was completed, and its result.json is gone',
  category: 'internal',
} as const satisfies Partial<TaskRow>;

/** Trying again does not bring it back. */
function folderGone(folder: string): ApplicationFailure {
  const message = `the order in ${folder} can't be read any more: was the folder removed or changed?`;
  return ApplicationFailure.nonRetryable(message, FAILURE_TYPES.environment);
}

/** SPEC F5: a skipped or rejected task has no result, but its state must not say `queued` for ever. */
async function writeEndState(row: TaskRow, { redactLong }: Pick<ActivityDeps, 'redactLong'>): Promise<void> {
  if (row.run_dir === null) return;
  const folder = new TaskFolder(row.run_dir, redactLong);
  const now = new Date().toISOString();
  const before = await folder.readState();
  await folder.writeState({
    schema_version: SCHEMA_VERSION,
    status: row.status,
    task_key: row.task_key,
    attempt: row.attempts_count,
    max_attempts: before?.max_attempts ?? 0,
    started_at: before?.started_at ?? now,
    updated_at: now,
    elapsed_seconds: 0,
    output: null,
    last_error: row.error,
  });
}

function batchResult(
  batchDir: string,
  request: BatchRequestRecord,
  rows: readonly TaskRow[],
): BatchResultRecord {
  const results = [...rows].sort((a, b) => a.index - b.index);
  return {
    schema_version: SCHEMA_VERSION,
    ...countersOf(results),
    stage: 'done',
    batch_id: request.batch_id,
    batch_hash: request.batch_hash,
    batch_dir: batchDir,
    max_workers: request.max_workers,
    queue_limit: request.queue_limit,
    total: request.total,
    provider: common(results.map(({ provider }) => provider)),
    model: common(results.map(({ model }) => model)),
    no_local_fallback: true,
    results,
  };
}

function common(values: readonly string[]): string {
  return [...new Set(values)].join(', ');
}
