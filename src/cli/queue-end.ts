/** How a waiting `queue run` ends: one JSON document and its exit code (SPEC C3, F11). */
import { dirname } from 'node:path';
import { readBatchRequest } from '../artifacts/batch-folder.ts';
import { readQueueState } from '../artifacts/queue-folder.ts';
import type { BatchSummary } from '../domain/batch-records.ts';
import type { QueueState } from '../domain/queue.ts';
import { type EndedBatch, exitCodeOf, reasonOf } from './batch-end.ts';
import { quoted } from './come-back.ts';
import { detachedText, exitCodeOfSignal } from './detached.ts';
import { endNow } from './end-now.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { printJson, say, warn } from './output.ts';
import type { View } from './progress-view.ts';
import { type Standstill, tellStandstill } from './standstill.ts';
import type { Ending } from './watch.ts';

export interface QueueOrder {
  queueId: string;
  /** Null: the worker's own. */
  stateDir: string | null;
}

/** F11's document. The state is the run's own copy: another run may have the directory by now. */
export async function tellQueueEnd({ summary }: EndedBatch, order: QueueOrder): Promise<ExitCode> {
  const { total, success } = summary;
  const state = await readQueueState(summary.batch_dir);
  // A run may have ended before anybody looked.
  for (const warning of (await readBatchRequest(summary.batch_dir))?.warnings ?? []) warn(warning);
  const ok = total > 0 && success === total;
  const exitCode = exitCodeOf({ ...summary, ok });
  printJson({
    ok,
    queue_id: order.queueId,
    state_dir: order.stateDir ?? dirname(dirname(summary.batch_dir)),
    ...factsOf(state),
    max_workers: summary.max_workers,
    counters: state?.counters ?? countersOf(summary),
    tasks_total: total,
    cost: summary.cost,
    batch_result_json: summary.batch_result_json,
    exit_code: exitCode,
    reason: reasonOf(summary, exitCode),
  });
  return exitCode;
}

/** A run that stands still until somebody mends something: the same fields, as its state says now. */
export async function tellQueueStandstill(
  standstill: Standstill,
  { queueId, stateDir }: QueueOrder,
  view: View | null,
): Promise<ExitCode> {
  const state = stateDir === null ? null : await readQueueState(stateDir);
  const own = state?.queue_id === queueId ? state : null;
  const order = { queue_id: queueId, state_dir: stateDir, ...factsOf(own) };
  const tasks_total = own === null ? (view?.total ?? null) : Object.keys(own.tasks).length;
  return tellStandstill(standstill, { id: queueId, order: { ...order, tasks_total }, json: true, view });
}

/** Without a state that can be read, as with a worker elsewhere, nothing is known of limits and slots. */
function factsOf(state: QueueState | null): object {
  return {
    max_workers: state?.max_workers ?? null,
    task_timeout_seconds: state?.task_timeout_seconds ?? null,
    max_queue_size: state?.max_queue_size ?? null,
    overflow_policy: state?.overflow_policy ?? null,
    running: state?.running ?? {},
    queued: state?.queued ?? [],
  };
}

/** With a worker elsewhere there are no files to read, and the summary has to do. */
function countersOf(summary: BatchSummary): Record<string, number> {
  const { success: completed, failed, timeout: timed_out, rejected, skipped, cancelled } = summary;
  return { completed, failed, timed_out, rejected, skipped, cancelled };
}

/** Who lets go of a run is told how to come back to it. */
export function letGoOfQueue(
  ending: Extract<Ending<unknown>, { kind: 'detached' | 'wait timeout' }>,
  { queueId, stateDir }: QueueOrder,
  view: View | null,
): Promise<never> {
  const isDetached = ending.kind === 'detached';
  const exitCode = isDetached ? exitCodeOfSignal(ending.by) : EXIT.waitTimeout;
  const place = stateDir === null ? '' : ` --state-dir ${quoted(stateDir)}`;
  say(detachedText({ id: queueId, view }));
  say(`   Its tasks:    imgproof queue list${place}`);
  const reason = isDetached ? `detached by ${ending.by}` : 'the wait timed out';
  printJson({ ok: false, queue_id: queueId, state_dir: stateDir, exit_code: exitCode, reason });
  return endNow(exitCode);
}
