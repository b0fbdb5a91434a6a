import { join } from 'node:path';
import { writeBatchResult } from '../artifacts/batch-folder.ts';
import { readJson } from '../artifacts/task-folder.ts';
import type { BatchRecordOrder, ImageActivities } from '../domain/activity-contract.ts';
import { FILES } from '../domain/layout.ts';
import {
  type BatchResultRecord,
  type BatchSummary,
  type ResultRecord,
  SCHEMA_VERSION,
  type TaskRow,
} from '../domain/records.ts';
import { rowFields } from '../domain/rows.ts';
import { allCompleted, hasEnded, tally } from '../domain/status.ts';

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
  const statuses = results.map(({ status }) => status);
  const counts = tally(statuses);
  const adopted = results.filter(({ adopted_from }) => adopted_from !== undefined).length;
  const { rejected, skipped, completed, failed, timed_out, cancelled } = counts;
  return {
    schema_version: SCHEMA_VERSION,
    ok: allCompleted(statuses),
    acceptable: results.length > 0 && results.every(({ acceptable }) => acceptable) && !hasTwins(results),
    stage: 'done',
    batch_id: admission.batch_id ?? '',
    batch_hash: admission.batch_hash ?? '',
    batch_dir: admission.batch_dir,
    max_workers: admission.max_workers,
    queue_limit: admission.queue_limit,
    total: admission.total,
    scheduled: results.length - rejected - skipped - adopted,
    processed: statuses.filter(hasEnded).length - rejected - skipped,
    rejected,
    success: completed,
    failed: failed + counts.orphan_late_output,
    timeout: timed_out,
    cancelled,
    skipped,
    adopted,
    provider: common(results.map(({ provider }) => provider)),
    model: common(results.map(({ model }) => model)),
    no_local_fallback: true,
    cost: results.reduce(addBilling, { no: 0, possible: 0, yes: 0 }),
    results,
  };
}

/** Two tasks with the same image: at most one of them was newly generated (SPEC P1). */
function hasTwins(rows: readonly TaskRow[]): boolean {
  const images = rows.flatMap(({ sha256 }) => sha256 ?? []);
  return new Set(images).size !== images.length;
}

function common(values: readonly string[]): string {
  return [...new Set(values)].join(', ');
}

/** What was paid now: an adopted task was paid by the order that made it. */
function addBilling(sum: TaskRow['billing'], { billing, adopted_from }: TaskRow): TaskRow['billing'] {
  if (adopted_from !== undefined) return sum;
  return { no: sum.no + billing.no, possible: sum.possible + billing.possible, yes: sum.yes + billing.yes };
}
