/** How a waiting `queue run` ends: one JSON document and its exit code (SPEC C3, F11). */
import { dirname } from 'node:path';
import { type BatchHandle, queryProgress } from '../client.ts';
import { readQueueState } from '../artifacts/queue-folder.ts';
import type { QueueState } from '../domain/queue.ts';
import type { BatchSummary } from '../domain/records.ts';
import { closedBadly } from './batch-end.ts';
import { quoted } from './come-back.ts';
import { exitCodeOfSignal } from './detached.ts';
import { endNow } from './end-now.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { printJson, safe, say } from './output.ts';
import type { View } from './progress-view.ts';
import type { Session } from './session.ts';
import type { Ending } from './watch.ts';

export interface QueueOrder {
  queueId: string;
  /** Null: the worker's own. */
  stateDir: string | null;
}

export async function queueEnd(
  ending: Ending<BatchSummary>,
  session: Session,
  handle: BatchHandle,
  order: QueueOrder & { view: View | null },
): Promise<ExitCode> {
  switch (ending.kind) {
    case 'result':
      return tell(await stateIn(ending.result.batch_dir), ending.result, order);
    case 'failed': {
      // A cancelled run has had its last words all the same.
      const batchDir = (await queryProgress(session.client, handle))?.batch_dir ?? null;
      const state = batchDir === null ? null : await stateIn(batchDir);
      if (state?.queue_id !== order.queueId) throw closedBadly(ending.error, order.queueId);
      return tell(state, null, order);
    }
    case 'detached':
      return letGo(`detached by ${ending.by}`, exitCodeOfSignal(ending.by), order);
    case 'wait timeout':
      return letGo('the wait timed out', EXIT.waitTimeout, order);
  }
}

/** The run's own copy: another run may have the state directory by now. Null with a worker elsewhere. */
function stateIn(batchDir: string): Promise<QueueState | null> {
  return readQueueState(batchDir);
}

function tell(
  state: QueueState | null,
  summary: BatchSummary | null,
  { queueId, stateDir }: QueueOrder,
): ExitCode {
  const total = summary?.total ?? Object.keys(state?.tasks ?? {}).length;
  const completed = state?.counters.completed ?? summary?.success ?? 0;
  const ok = total > 0 && completed === total;
  const exitCode = ok ? EXIT.ok : EXIT.incomplete;
  printJson({
    ok,
    queue_id: queueId,
    state_dir: stateDir ?? (state === null ? null : dirname(dirname(state.batch_dir))),
    max_workers: state?.max_workers ?? summary?.max_workers ?? null,
    task_timeout_seconds: state?.task_timeout_seconds ?? null,
    max_queue_size: state?.max_queue_size ?? null,
    overflow_policy: state?.overflow_policy ?? null,
    counters: state?.counters ?? countersOf(summary),
    running: state?.running ?? {},
    queued: state?.queued ?? [],
    tasks_total: total,
    batch_result_json: summary?.batch_result_json ?? null,
    exit_code: exitCode,
    reason: ok ? 'all completed' : `${total - completed} of ${total} not completed`,
  });
  return exitCode;
}

/** With a worker elsewhere there are no files to read, and the summary has to do. */
function countersOf(summary: BatchSummary | null): Record<string, number> {
  if (summary === null) return {};
  const { success: completed, failed, timeout: timed_out, rejected, skipped, cancelled } = summary;
  return { completed, failed, timed_out, rejected, skipped, cancelled };
}

function letGo(
  reason: string,
  exitCode: ExitCode,
  order: QueueOrder & { view: View | null },
): Promise<never> {
  const { queueId, stateDir, view } = order;
  const counts = view === null ? '' : ` (${view.running} running, ${view.queued} waiting)`;
  const place = stateDir === null ? '' : ` --state-dir ${quoted(stateDir)}`;
  say(
    [
      `Detached. "${safe(queueId)}" keeps running on the server${counts}.`,
      `   See it:   imgproof queue status${place}`,
      `   Stop it:  imgproof queue cancel --all${place}`,
    ].join('\n'),
  );
  printJson({ ok: false, queue_id: queueId, state_dir: stateDir, exit_code: exitCode, reason });
  return endNow(exitCode);
}
