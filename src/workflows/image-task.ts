/** One task's whole life: admit (when started alone), generate, prove, close. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TimeoutFailure,
} from '@temporalio/common';
import { CancellationScope, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { TaskOutcome } from '../domain/activity-contract.ts';
import { FAILURE_TYPES, type FailureReport, FAILURES } from '../domain/failure.ts';
import type { TaskRow } from '../domain/records.ts';
import type { AdmittedTask } from '../domain/task.ts';
import { paidCall, recordTask } from './activities.ts';
import { admit } from './admission.ts';
import { onlyInput } from './input-guard.ts';

/** Completed returns the row; a failed task closes as Failed, a cancelled one as Canceled, both after their last words. */
export async function imageTask(...args: unknown[]): Promise<TaskRow> {
  const input = onlyInput(args, 'one object with at least "prompt"');
  const task = isAdmitted(input) ? input : await admitAlone(input);
  if ('status' in task) return task;
  const outcome = await generate(task);
  const row = await CancellationScope.nonCancellable(() => record(task, outcome));
  return closeAs(row, outcome);
}

/** By `imageBatch`. Anybody's workflow may start this one as a child, with the same shapes as from outside. */
function isAdmitted(input: object): input is AdmittedTask {
  return workflowInfo().parent !== undefined && 'generation_id' in input && 'run_dir' in input;
}

async function admitAlone(request: object): Promise<AdmittedTask | TaskRow> {
  const { tasks, rows } = await admit('task', request);
  const admitted = tasks[0] ?? rows[0];
  if (admitted === undefined) throw ApplicationFailure.nonRetryable('admission returned nothing', 'Internal');
  return admitted;
}

async function generate(task: AdmittedTask): Promise<TaskOutcome> {
  try {
    return { status: 'completed', generated: await paidCall(task).generateImage(task) };
  } catch (error) {
    const failure = reportOf(error);
    return { status: FAILURES[failure.category].status, failure };
  }
}

function record(task: AdmittedTask, outcome: TaskOutcome): Promise<TaskRow> {
  const { workflowId, runId, startTime } = workflowInfo();
  return recordTask({
    task,
    outcome,
    workflow_id: workflowId,
    run_id: runId,
    started_at_ms: startTime.getTime(),
  });
}

function closeAs(row: TaskRow, outcome: TaskOutcome): TaskRow {
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
