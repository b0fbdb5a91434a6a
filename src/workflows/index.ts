/** The workflow types people can start, and one that answers for all they can't. */
import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { WORKFLOW_TYPES } from '../domain/messages.ts';

export { imageBatch } from './image-batch.ts';
export { imageTask } from './image-task.ts';

/** Without it the worker would retry the first workflow task of an unknown type for ever (DESIGN 2.1). */
export default async function unknownWorkflowType(): Promise<never> {
  const known = Object.values(WORKFLOW_TYPES).join(' and ');
  const message = `there is no workflow type "${workflowInfo().workflowType}" here; this task queue knows ${known}`;
  throw ApplicationFailure.nonRetryable(message, FAILURE_TYPES.unknownWorkflowType);
}
