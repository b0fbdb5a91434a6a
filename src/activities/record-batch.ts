import { join } from 'node:path';
import { writeBatchResult } from '../artifacts/batch-folder.ts';
import { readJson } from '../artifacts/task-folder.ts';
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

/** Last words of a batch (SPEC F8). */
export function createRecordBatch(): ImageActivities['recordBatch'] {
  return async (order): Promise<BatchSummary> => {
    const rows = await Promise.all(order.rows.map(completeRow));
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
