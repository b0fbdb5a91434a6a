import { join } from 'node:path';
import { writeBatchResult } from '../artifacts/batch-folder.ts';
import { readJson, TaskFolder } from '../artifacts/task-folder.ts';
import type { BatchRecordOrder, ImageActivities } from '../domain/activity-contract.ts';
import { FILES } from '../domain/layout.ts';
import { countersOf } from '../domain/completeness.ts';
import {
  type BatchResultRecord,
  type BatchSummary,
  type ResultRecord,
  SCHEMA_VERSION,
  type TaskRow,
} from '../domain/records.ts';
import { rowFields } from '../domain/rows.ts';
import type { ActivityDeps } from './deps.ts';

/** Last words of a batch (SPEC F8), and of those tasks in it that never had a workflow of their own. */
export function createRecordBatch(deps: Pick<ActivityDeps, 'redactLong'>): ImageActivities['recordBatch'] {
  return async (order): Promise<BatchSummary> => {
    const rows = await Promise.all(order.rows.map(completeRow));
    for (const row of rows) if (row.result_json === null) await writeEndState(row, deps);
    const record = batchResult({ ...order, rows });
    const path = await writeBatchResult(record.batch_dir, record);
    const { results: _, schema_version: __, ...summary } = record;
    return { ...summary, batch_result_json: path };
  };
}

/** A cancelled child's result can't travel with its close event; it is on disk. */
async function completeRow(row: TaskRow): Promise<TaskRow> {
  if (row.result_json !== null || row.run_dir === null || row.status !== 'cancelled') return row;
  const path = join(row.run_dir, FILES.result);
  const result = await readJson<ResultRecord>(path);
  return result === null ? row : { ...row, ...rowFields(result), result_json: path };
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

function batchResult({ admission, rows }: BatchRecordOrder): BatchResultRecord {
  const results = [...rows].sort((a, b) => a.index - b.index);
  return {
    schema_version: SCHEMA_VERSION,
    ...countersOf(results),
    stage: 'done',
    batch_id: admission.batch_id ?? '',
    batch_hash: admission.batch_hash ?? '',
    batch_dir: admission.batch_dir,
    max_workers: admission.max_workers,
    queue_limit: admission.queue_limit,
    total: admission.total,
    provider: common(results.map(({ provider }) => provider)),
    model: common(results.map(({ model }) => model)),
    no_local_fallback: true,
    results,
  };
}

function common(values: readonly string[]): string {
  return [...new Set(values)].join(', ');
}
