/** One task's whole life: admit (when started alone), generate, prove, close. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TimeoutFailure,
} from '@temporalio/common';
import {
  CancellationScope,
  defineQuery,
  defineSignal,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { Delivery, TaskOutcome } from '../domain/activity-contract.ts';
import { FAILURE_TYPES, type FailureReport, FAILURES } from '../domain/failure.ts';
import { type CancelMode, TASK_MESSAGES } from '../domain/messages.ts';
import { providerDownBy } from '../domain/provider-down.ts';
import type { TaskEnd, TaskRow } from '../domain/records.ts';
import { endOf } from '../domain/rows.ts';
import { taskAttributes } from '../domain/search-attributes.ts';
import { orderOf, type TaskOrder } from '../domain/task.ts';
import { taskDetails, type TaskStage } from '../domain/task-details.ts';
import { liveDetails } from '../domain/ui-text.ts';
import { collectImage, paidCall, recordTask } from './activities.ts';
import { admit } from './admission.ts';
import { onlyInput } from './input-guard.ts';
import { isListed, list } from './listing.ts';

/**
 * Completed returns the row, to a batch only what it keeps of it. A failed task closes as Failed, a cancelled one as
 * Canceled, both after their last words.
 */
export async function imageTask(...args: unknown[]): Promise<TaskRow | TaskEnd> {
  const call = stoppableCall();
  const input = onlyInput(args, 'one object with at least "prompt"');
  const ofBatch = isAdmitted(input);
  const listed = isListed();
  const order = ofBatch ? input : await admitAlone();
  if ('status' in order) return order;
  const show = (stage: TaskStage) => setCurrentDetails(liveDetails(taskDetails(order, stage, batchId())));
  if (listed || order.listed) list(taskAttributes(batchId(), order, 'running'));
  show('generating');
  const outcome = await generate(order, call);
  show('recording');
  const row = await CancellationScope.nonCancellable(() => record(order, outcome));
  if (listed || order.listed) list({ ImgStatus: row.status });
  show(row);
  return closeAs(ofBatch ? endForBatch(row, outcome) : row, outcome);
}

/** Null for a task that was started alone. */
function batchId(): string | null {
  return workflowInfo().parent?.workflowId ?? null;
}

/** By `imageBatch`. Anybody's workflow may start this one as a child, with the same shapes as from outside. */
function isAdmitted(input: object): input is TaskOrder {
  return workflowInfo().parent !== undefined && 'order_file' in input && 'batch_dir' in input;
}

async function admitAlone(): Promise<TaskOrder | TaskEnd> {
  const { tasks, ended, batch_dir } = await admit('task');
  const [ticket] = tasks;
  if (ticket === undefined) throw ApplicationFailure.nonRetryable('admission returned nothing', 'Internal');
  // Whoever asks how it goes finds its files by it; a task of a batch has a batch that tells.
  upsertMemo({ run_dir: batch_dir });
  return ended[0] ?? orderOf(ticket, batch_dir);
}

interface StoppableCall {
  /** Of the paid call. */
  scope: CancellationScope;
  /** Of the look for an answer that came before the cancel: goes on unless the cancel means "now". */
  collection: CancellationScope;
  mode: () => CancelMode;
}

/**
 * The activity of the paid call learns of a cancel from the server, and asks here what is meant: Temporal's own cancel
 * aborts, the signal says which (SPEC B7).
 */
function stoppableCall(): StoppableCall {
  const [scope, collection] = [new CancellationScope(), new CancellationScope()];
  let mode: CancelMode = 'now';
  setHandler(defineQuery<CancelMode>(TASK_MESSAGES.cancelMode), () => mode, {
    description: 'What a cancel means for a request that was sent: "finish" or "now"',
  });
  setHandler(
    defineSignal<[CancelMode?]>(TASK_MESSAGES.cancel),
    (wanted) => {
      mode = wanted === 'finish' ? 'finish' : 'now';
      scope.cancel();
      if (mode === 'now') collection.cancel();
    },
    { description: 'Stop: "finish" lets a sent request bring its image, "now" aborts it' },
  );
  void CancellationScope.current().cancelRequested.catch(() => {
    mode = 'now';
  });
  return { scope, collection, mode: () => mode };
}

async function generate(task: TaskOrder, call: StoppableCall): Promise<TaskOutcome> {
  try {
    const generated = await call.scope.run(() => paidCall(task).generateImage(task));
    return { status: 'completed', generated };
  } catch (error) {
    const failure = reportOf(error);
    const isAnswerWanted = failure.category === 'cancelled' && call.mode() === 'finish';
    const generated = isAnswerWanted ? await collect(task, call) : null;
    if (generated !== null) return { status: 'completed', generated };
    return { status: FAILURES[failure.category].status, failure };
  }
}

/** Between two attempts the server cancels without asking anybody: an answer may be there all the same (SPEC B7, R5). */
async function collect(task: TaskOrder, { collection }: StoppableCall): Promise<Delivery | null> {
  // The branch without goes 90 days after the release of 0.1.0 (docs/decisions/0002).
  if (!patched('2026-11-answer-before-cancel')) return null;
  return collection.run(() => collectImage(task)).catch(() => null);
}

function record(order: TaskOrder, outcome: TaskOutcome): Promise<TaskRow> {
  const { workflowId, runId, startTime } = workflowInfo();
  return recordTask({
    order,
    outcome,
    workflow_id: workflowId,
    run_id: runId,
    started_at_ms: startTime.getTime(),
  });
}

/** With what it means for the batch's other tasks (SPEC R7). */
function endForBatch(row: TaskRow, outcome: TaskOutcome): TaskEnd {
  const provider_down = outcome.status === 'completed' ? null : providerDownBy(outcome.failure);
  return { ...endOf(row), ...(provider_down === null ? {} : { provider_down }) };
}

function closeAs<End extends TaskEnd>(row: End, outcome: TaskOutcome): End {
  if (row.status === 'completed') return row;
  const message = `${row.status}: ${row.error ?? 'no image'}`;
  switch (outcome.status) {
    case 'completed':
      throw ApplicationFailure.nonRetryable(message, FAILURE_TYPES.orphanLateOutput, row);
    case 'cancelled':
      throw new CancelledFailure(message, [row]);
    case 'timed_out':
      throw ApplicationFailure.nonRetryable(message, FAILURE_TYPES.taskTimedOut, row);
    case 'failed':
      throw ApplicationFailure.nonRetryable(message, FAILURE_TYPES.taskFailed, row);
  }
}

/** What ended the paid call, in the words of the failure table. */
function reportOf(error: unknown): FailureReport {
  if (isCancellation(error)) return { category: 'cancelled', message: 'cancelled' };
  if (isCutShort(error))
    return { category: 'cancelled', message: `cancelled; the last attempt: ${error.cause?.message}` };
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure) {
    const report = cause.details?.[0] as Partial<FailureReport> | undefined;
    if (report?.category !== undefined && report.category in FAILURES) return report as FailureReport;
    return { category: 'internal', message: cause.message };
  }
  if (cause instanceof TimeoutFailure) {
    const category = cause.timeoutType === 'HEARTBEAT' ? 'worker_died' : 'request_timeout';
    return { category, message: `${cause.timeoutType} timeout: ${cause.message}` };
  }
  return { category: 'internal', message: String(error) };
}

/** The last attempt failed before the cancel reached it; but for the cancel it would have been repeated. */
function isCutShort(error: unknown): error is ActivityFailure {
  if (!(error instanceof ActivityFailure) || error.retryState !== RetryState.CANCEL_REQUESTED) return false;
  return !(error.cause instanceof ApplicationFailure && error.cause.nonRetryable);
}
