/** A batch: admit everything, keep an exact window of children, record. A failed task is a row, never the end. */
import {
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
import {
  CancellationScope,
  ChildWorkflowCancellationType,
  defineQuery,
  type ChildWorkflowHandle,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  patched,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertMemo,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import { activeElsewhere, type TaskRecordOrder } from '../domain/activity-contract.ts';
import type { Admission } from '../domain/batch.ts';
import { batchDetails } from '../domain/batch-details.ts';
import { type FailureReport, FAILURES } from '../domain/failure.ts';
import {
  type BatchProgress,
  type OrderMemo,
  type PausedState,
  QUERIES,
  TASK_MESSAGES,
  type TaskState,
  WORKFLOW_TYPES,
} from '../domain/messages.ts';
import type { BatchSummary } from '../domain/batch-records.ts';
import type { TaskEnd } from '../domain/records.ts';
import { emptyEnd, endOf } from '../domain/rows.ts';
import { commonAttributes } from '../domain/search-attributes.ts';
import type { TaskOrder } from '../domain/task.ts';
import { liveDetails, ticketSummary } from '../domain/ui-text.ts';
import { awaitActiveTask, readEnd, recordBatch, recordTask, reopenTask } from './activities.ts';
import { admit } from './admission.ts';
import type { imageTask } from './image-task.ts';
import { handleUpdates } from './batch-updates.ts';
import { onlyInput } from './input-guard.ts';
import { isListed, list } from './listing.ts';
import { QueueFiles } from './queue-files.ts';
import { TaskWindow } from './task-window.ts';
import type { Reopened, StopWish, TaskWork } from './task-work.ts';

const progressQuery = defineQuery<BatchProgress>(QUERIES.progress);
const tasksQuery = defineQuery<TaskState[]>(QUERIES.tasks);

/** Closes Completed also when tasks failed (`ok: false`); Failed is bad input only (SPEC T1); Canceled after a cancel. */
export async function imageBatch(...args: unknown[]): Promise<BatchSummary> {
  const listed = isListed();
  const files = new QueueFiles();
  const window = new TaskWindow((it) => ({
    changed: () => showDetails(it),
    paused: (paused) => notePause(paused, { listed }),
    workers: (maxWorkers) => files.noteWorkers(it, maxWorkers),
  }));
  setHandler(progressQuery, () => window.progress(), { description: 'Counts, what runs now, warnings' });
  setHandler(tasksQuery, () => window.book.states(), {
    description: 'Every task with its status, in file order',
  });
  handleUpdates(window);

  onlyInput(args, 'one object with "tasks"');
  const admission = await admit('batch');
  // Whoever submits this id again compares the hash, also when the Temporal CLI started it (SPEC B6).
  const { batch_id, batch_hash, batch_dir } = admission;
  upsertMemo({ batch_id, batch_hash, batch_dir });
  if (listed) list(commonAttributes(admission.tasks));
  window.admit(admission);
  for (;;) {
    await window.run(workOf({ listed }));
    await files.told();
    const summary = await record(window, admission);
    // A message may have brought work meanwhile (DESIGN 2.7).
    if (window.hasWork()) continue;
    window.done();
    const { ok, manifest } = summary;
    if (manifest !== undefined) upsertMemo({ manifest: { ...manifest } });
    const isCancelled = CancellationScope.current().consideredCancelled;
    if (listed) list({ ImgStatus: isCancelled ? 'cancelled' : ok ? 'completed' : 'incomplete' });
    if (isCancelled) throw new CancelledFailure('the batch was cancelled');
    return summary;
  }
}

function record(window: TaskWindow, { batch_dir }: Admission): Promise<BatchSummary> {
  const ends = window.book.ends().filter(({ status }) => status !== 'completed');
  const { max_workers } = window.progress();
  return CancellationScope.nonCancellable(() => recordBatch({ batch_dir, ends, max_workers }));
}

/** The live view of this batch's page; not in the history. */
function showDetails(window: TaskWindow): void {
  setCurrentDetails(liveDetails(batchDetails(window.progress(), window.book.lines())));
}

/** In the memo too: an idle embedded system stops though a paused batch is open (SPEC C5). */
function notePause(paused: PausedState | null, { listed }: { listed: boolean }): void {
  const memo: OrderMemo =
    paused === null
      ? { paused: null, paused_by: null }
      : { paused: paused.reason ?? 'by a person', paused_by: paused.by };
  upsertMemo({ ...memo });
  if (listed) list({ ImgStatus: paused === null ? 'running' : 'paused' });
}

function workOf({ listed }: { listed: boolean }): TaskWork {
  return {
    run: (order, stop) => runTask(listed ? { ...order, listed } : order, stop),
    drop: (order, failure) => lastWords(order, failure ?? NEVER_STARTED),
    reopen,
  };
}

const NEVER_STARTED: FailureReport = { category: 'cancelled', message: 'cancelled before it was started' };

async function reopen(order: TaskOrder, because: string | null): Promise<Reopened> {
  const { namespace, firstExecutionRunId } = workflowInfo();
  try {
    const why = because === null ? {} : { because };
    return { billing: await reopenTask({ order, namespace, order_run_id: firstExecutionRunId, ...why }) };
  } catch (error) {
    const problem = `it can't run again: ${reasonOf(error)}`;
    return { problem: { ...emptyEnd(order.index, 'failed'), error: problem, category: 'internal' } };
  }
}

/** Whatever becomes of a child is an end. */
async function runTask(order: TaskOrder, stop: StopWish): Promise<TaskEnd> {
  for (;;) {
    try {
      const child = await startTask(order);
      stop.listen((mode) => void child.signal(TASK_MESSAGES.cancel, mode).catch(() => undefined));
      return await child.result();
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) return endOfFailure(order, error);
      stop.listen((mode) => {
        const active = getExternalWorkflowHandle(order.task_key);
        void active.signal(TASK_MESSAGES.cancel, mode).catch(() => undefined);
      });
      const end = await endOfActive(order).catch((failure: unknown) => endOfFailure(order, failure));
      if (end !== 'ended meanwhile') return end;
    }
  }
}

function startTask(task: TaskOrder): Promise<ChildWorkflowHandle<typeof imageTask>> {
  return startChild<typeof imageTask>(WORKFLOW_TYPES.task, {
    workflowId: task.task_key,
    args: [task],
    // "Already started" then means: active now (DESIGN 2.6).
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    memo: { batch_id: workflowInfo().workflowId, order_run_id: workflowInfo().firstExecutionRunId },
    staticSummary: ticketSummary(task),
  });
}

/** SPEC B5: the same key is active. Ours from before a reset is awaited, anybody else's makes this one `skipped`. */
async function endOfActive(task: TaskOrder): Promise<TaskEnd | 'ended meanwhile'> {
  const active = await awaitActiveTask({ order: task, batch_id: workflowInfo().workflowId });
  switch (active.belongs_to) {
    case 'nobody':
      return 'ended meanwhile';
    case 'this batch': {
      // Within this order (a reset) its end stands. What an earlier order made is for its proof to hand over: only
      // there are request and `again` compared.
      if (active.order_run_id !== workflowInfo().firstExecutionRunId) return 'ended meanwhile';
      return active.end === null
        ? lastWords(task, { category: 'cancelled', message: 'its workflow was ended from outside' })
        : { ...active.end, index: task.index };
    }
    case 'another': {
      const error = activeElsewhere(task.task_key, active);
      return { ...emptyEnd(task.index, 'skipped'), error, category: 'active_elsewhere' };
    }
  }
}

async function endOfFailure(task: TaskOrder, error: unknown): Promise<TaskEnd> {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && isEnd(cause.details?.[0])) return cause.details[0];
  if (error instanceof ChildWorkflowFailure && isCancellation(error)) return endOfCancelled(task);
  if (isCancellation(error)) return lastWords(task, NEVER_STARTED);
  const message = `its workflow ended without a word: ${reasonOf(cause)}`;
  return lastWords(task, {
    category: cause instanceof TerminatedFailure ? 'cancelled' : 'internal',
    message,
  });
}

/**
 * A child that was cancelled has written its own last words, and no detail of its cancel reaches its parent. What it may
 * have cost counts from now on, for the cap too.
 */
async function endOfCancelled(task: TaskOrder): Promise<TaskEnd> {
  const unknown = emptyEnd(task.index, 'cancelled');
  // The branch without goes 90 days after the release of 0.1.0 (docs/decisions/0002).
  if (!patched('2026-11-end-of-a-cancelled-task')) return unknown;
  return CancellationScope.nonCancellable(() => readEnd(task)).catch(() => unknown);
}

function isEnd(detail: unknown): detail is TaskEnd {
  return typeof detail === 'object' && detail !== null && 'index' in detail && 'status' in detail;
}

/** For a task whose own workflow can't: it never started, was terminated, or could not write (SPEC S). */
async function lastWords(task: TaskOrder, failure: FailureReport): Promise<TaskEnd> {
  const { runId, startTime } = workflowInfo();
  const { category, message } = failure;
  const { status } = FAILURES[category];
  const order: TaskRecordOrder = {
    order: task,
    workflow_id: task.task_key,
    // Of the batch: the task's own is in the attempts, if it ever began one.
    run_id: runId,
    started_at_ms: startTime.getTime(),
    outcome: { status, failure },
  };
  try {
    return endOf(await CancellationScope.nonCancellable(() => recordTask(order)));
  } catch {
    return { ...emptyEnd(task.index, status), error: message, category };
  }
}

/** What went wrong at the bottom of it; the failures around it say only that something did. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Partial<Error>;
  return cause === undefined || cause === null ? (message ?? String(error)) : reasonOf(cause);
}
