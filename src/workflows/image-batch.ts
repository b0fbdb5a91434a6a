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
  executeChild,
  isCancellation,
  ParentClosePolicy,
  setHandler,
  upsertMemo,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import { FAILURES } from '../domain/failure.ts';
import { type BatchProgress, QUERIES, type TaskState, WORKFLOW_TYPES } from '../domain/messages.ts';
import type { BatchSummary, TaskRow } from '../domain/records.ts';
import { emptyRow } from '../domain/rows.ts';
import { type AdmittedTask, MODE_NAMES } from '../domain/task.ts';
import { awaitActiveTask, recordBatch, recordTask } from './activities.ts';
import { admit } from './admission.ts';
import type { imageTask } from './image-task.ts';
import { onlyInput } from './input-guard.ts';
import { TaskWindow } from './task-window.ts';

const progressQuery = defineQuery<BatchProgress>(QUERIES.progress);
const tasksQuery = defineQuery<TaskState[]>(QUERIES.tasks);

/** Closes Completed also when tasks failed (`ok: false`); Failed is bad input only (SPEC T1); Canceled after a cancel. */
export async function imageBatch(...args: unknown[]): Promise<BatchSummary> {
  const window = new TaskWindow();
  setHandler(progressQuery, () => window.progress(), { description: 'Counts, what runs now, warnings' });
  setHandler(tasksQuery, () => window.tasks(), { description: 'Every task with its status, in file order' });

  const request = onlyInput(args, 'one object with "tasks"');
  const admission = await admit('batch', request);
  // Whoever submits this id again compares the hash, also when the Temporal CLI started it (SPEC B6).
  upsertMemo({ batch_id: admission.batch_id, batch_hash: admission.batch_hash });
  window.admit(admission);
  await window.run(runTask);
  const cancelled = CancellationScope.current().consideredCancelled;
  const { tasks: _, rows: __, warnings: ___, ...order } = admission;
  const summary = await CancellationScope.nonCancellable(() =>
    recordBatch({ admission: order, rows: window.rows() }),
  );
  window.done();
  if (cancelled) throw new CancelledFailure('the batch was cancelled');
  return summary;
}

/** Never rejects: whatever becomes of a child is a row. */
async function runTask(task: AdmittedTask): Promise<TaskRow> {
  for (;;) {
    try {
      return await startChild(task);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) return rowOfFailure(task, error);
      const row = await rowOfActive(task).catch((failure: unknown) => rowOfFailure(task, failure));
      if (row !== 'ended meanwhile') return row;
    }
  }
}

function startChild(task: AdmittedTask): Promise<TaskRow> {
  return executeChild<typeof imageTask>(WORKFLOW_TYPES.task, {
    workflowId: task.task_key,
    args: [task],
    // "Already started" then means: active now (DESIGN 2.6).
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    memo: {
      batch_id: task.batch_id,
      batch_hash: task.batch_hash,
      order_run_id: workflowInfo().firstExecutionRunId,
    },
    staticSummary: `${MODE_NAMES[task.mode]} · ${task.size}`,
  });
}

/** SPEC B5: the same key is active. Ours from before a reset is awaited, anybody else's makes this one `skipped`. */
async function rowOfActive(task: AdmittedTask): Promise<TaskRow | 'ended meanwhile'> {
  const active = await awaitActiveTask({ task_key: task.task_key, batch_id: workflowInfo().workflowId });
  switch (active.belongs_to) {
    case 'nobody':
      return 'ended meanwhile';
    case 'this batch': {
      // Within this order (a reset) the row stands. What an earlier order made is for its proof to hand over: only
      // there are request and `again` compared.
      if (active.order_run_id !== workflowInfo().firstExecutionRunId) return 'ended meanwhile';
      return active.row === null
        ? lastWords(task, 'cancelled', 'its workflow was ended from outside')
        : { ...active.row, index: task.index };
    }
    case 'another': {
      const error = `task_key "${task.task_key}" is active elsewhere: workflow ${active.workflow_id}, run ${active.run_id}`;
      return { ...emptyRow(task, 'skipped'), error, category: 'active_elsewhere' };
    }
  }
}

async function rowOfFailure(task: AdmittedTask, error: unknown): Promise<TaskRow> {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof ApplicationFailure && isRow(cause.details?.[0])) return cause.details[0];
  // A child that was cancelled has written its own last words; recordBatch reads them.
  if (error instanceof ChildWorkflowFailure && isCancellation(error)) return emptyRow(task, 'cancelled');
  if (isCancellation(error)) return lastWords(task, 'cancelled', 'cancelled before it was started');
  const message = `its workflow ended without a word: ${cause instanceof Error ? cause.message : String(cause)}`;
  return lastWords(task, cause instanceof TerminatedFailure ? 'cancelled' : 'internal', message);
}

function isRow(detail: unknown): detail is TaskRow {
  return typeof detail === 'object' && detail !== null && 'task_key' in detail && 'status' in detail;
}

/** For a task whose own workflow can't: it never started, was terminated, or could not write (SPEC S). */
function lastWords(
  task: AdmittedTask,
  category: 'cancelled' | 'internal',
  message: string,
): Promise<TaskRow> {
  const { runId, startTime } = workflowInfo();
  const { status } = FAILURES[category];
  return CancellationScope.nonCancellable(() =>
    recordTask({
      task,
      workflow_id: task.task_key,
      // Of the batch: the task's own is in the attempts, if it ever began one.
      run_id: runId,
      started_at_ms: startTime.getTime(),
      outcome: { status, failure: { category, message } },
    }).catch((): TaskRow => ({ ...emptyRow(task, status), error: message, category })),
  );
}
