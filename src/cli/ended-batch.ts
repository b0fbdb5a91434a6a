/** How a batch ended, from its result and its record: its workflow would replay its whole history to tell. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { join } from 'node:path';
import { memoOf } from '../client.ts';
import { readJson } from '../artifacts/task-folder.ts';
import { FILES } from '../domain/layout.ts';
import type { TaskState } from '../domain/messages.ts';
import type { BatchResultRecord, BatchSummary } from '../domain/batch-records.ts';
import type { TaskRow } from '../domain/records.ts';
import { hasEnded, type Tally, tally } from '../domain/status.ts';
import type { Snapshot } from './progress-view.ts';

export interface BatchEnd {
  summary: Omit<BatchSummary, 'batch_result_json'>;
  /** Null with a worker elsewhere: the files are its own. */
  rows: readonly TaskRow[] | null;
}

/** Null when it is not on this disk. */
function readBatchRecord(batchDir: string): Promise<BatchResultRecord | null> {
  return readJson<BatchResultRecord>(join(batchDir, FILES.batchResult));
}

/** The record of a batch that is known by its description; null when it wrote none, or elsewhere. */
export async function recordOf(run: WorkflowExecutionDescription): Promise<BatchResultRecord | null> {
  const { batch_dir } = memoOf(run);
  return batch_dir === undefined ? null : readBatchRecord(batch_dir);
}

/** `last`: what was seen while it ran; when which task started and ended is known from there only. */
export function endSnapshot({ summary, rows }: BatchEnd, last: Snapshot, nowMs: number): Snapshot {
  const seen = new Map(last.tasks.map((task) => [task.index, task]));
  const tasks =
    rows === null
      ? last.tasks.filter(({ status }) => hasEnded(status))
      : rows.map((row) => stateOfRow(row, seen.get(row.index) ?? null, nowMs));
  const counters = rows === null ? countersOf(summary) : tally(tasks.map(({ status }) => status));
  const progress = { ...last.progress, phase: 'done' as const, paused: null, total: summary.total };
  return { atMs: nowMs, progress, tasks, counters, live: new Map() };
}

export function stateOfRow(row: TaskRow, seen: TaskState | null, nowMs: number): TaskState {
  const { index, task_key, task_name, mode, input_images, status, image_path, bytes, billing, error } = row;
  const adopted = row.adopted_from !== undefined;
  const started_at = seen?.started_at ?? null;
  return {
    index,
    task_key,
    task_name,
    mode,
    references: input_images.length,
    status,
    adopted,
    cancelling: null,
    started_at,
    ended_at: seen?.ended_at ?? (started_at === null ? null : new Date(nowMs).toISOString()),
    image_path,
    bytes,
    billing: adopted ? { no: 0, possible: 0, yes: 0 } : billing,
    error,
  };
}

function countersOf(summary: BatchEnd['summary']): Tally {
  const { success: completed, failed, timeout: timed_out, rejected, skipped, cancelled } = summary;
  return { ...tally([]), completed, failed, timed_out, rejected, skipped, cancelled };
}
