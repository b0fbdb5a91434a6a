import { ApplicationFailure } from '@temporalio/activity';
import { OrderFileProblem, orderPath, readOrderFile } from '../artifacts/order-file.ts';
import { FAILURE_TYPES, type FailureReport } from '../domain/failure.ts';
import { requestFingerprint } from '../domain/ids.ts';
import type { AdmittedTask, TaskOrder } from '../domain/task.ts';
import { sha256 } from './sha256.ts';

/** The task as its order file has it. Without one nothing can be said of it, now or later. */
export async function readTask(order: TaskOrder): Promise<AdmittedTask> {
  try {
    return await readOrderFile(order);
  } catch (error) {
    throw error instanceof OrderFileProblem ? refused('internal', error.message) : error;
  }
}

/** The task as it was admitted: nothing is sent for another request than that. */
export async function readAdmittedTask(order: TaskOrder): Promise<AdmittedTask> {
  const task = await readTask(order);
  const isSame =
    task.task_key === order.task_key &&
    task.request_fingerprint === requestFingerprint(task, task.input_images, sha256);
  if (isSame) return task;
  throw refused('input_changed', `${orderPath(order)} is not what was admitted; was it changed meanwhile?`);
}

function refused(category: FailureReport['category'], message: string): ApplicationFailure {
  const report: FailureReport = { category, message };
  return ApplicationFailure.nonRetryable(message, FAILURE_TYPES.attempt, report);
}
