/** Tasks that ended without an image run once more: in their batch while it runs, else in another run of its id (SPEC B7). */
import type { Client, WorkflowExecutionDescription, WorkflowStartOptions } from '@temporalio/client';
import { type BatchHandle, describe, isAlreadyStarted, memoOf } from '../client.ts';
import type { RetryRequest } from '../domain/batch.ts';
import { type RetrySelection, TASK_QUEUES, WORKFLOW_TYPES } from '../domain/messages.ts';
import { batchAttributes } from '../domain/search-attributes.ts';
import { startListed } from '../temporal/listed-start.ts';
import type { imageBatch } from '../workflows/index.ts';
import { OperationRefused, retryFailed } from './operations.ts';

export type RetryOrdered =
  /** By an update; `retried` are the keys of the tasks that are queued again. */
  | { by: 'update'; handle: BatchHandle; retried: string[] }
  /** Another run of the batch, in its own folder; which tasks it takes up, its admission decides. */
  | { by: 'new run'; handle: BatchHandle };

/** Both may be overtaken: the batch ends while it is asked, or somebody else takes it up again first. */
const TRIES = 5;

/** @throws OperationRefused also when the batch was never admitted, so that there is nothing to repeat. */
export async function orderRetry(
  client: Client,
  batchId: string,
  selection: RetrySelection,
): Promise<RetryOrdered> {
  for (let tries = 1; ; tries += 1) {
    const run = await describe(client, batchId);
    if (run === null || run.type !== WORKFLOW_TYPES.batch)
      throw new OperationRefused('unknown', `there is no batch "${batchId}" on this server`);
    try {
      return run.status.name === 'RUNNING'
        ? await byUpdate(client, batchId, selection)
        : await byNewRun(client, batchId, run, selection);
    } catch (error) {
      if (!isOvertaken(error) || tries === TRIES) throw error;
    }
  }
}

function isOvertaken(error: unknown): boolean {
  return isAlreadyStarted(error) || (error instanceof OperationRefused && error.kind === 'ended');
}

async function byUpdate(client: Client, batchId: string, selection: RetrySelection): Promise<RetryOrdered> {
  const { retried } = await retryFailed(client, batchId, selection);
  return { by: 'update', handle: client.workflow.getHandle(batchId), retried };
}

async function byNewRun(
  client: Client,
  batchId: string,
  ended: WorkflowExecutionDescription,
  selection: RetrySelection,
): Promise<RetryOrdered> {
  const { paused: _, paused_by: __, ...memo } = memoOf(ended);
  const { batch_dir } = memo;
  if (batch_dir === undefined) {
    const status = ended.status.name.toLowerCase();
    const message = `"${batchId}" ended before its tasks were admitted: ${status}; order it again`;
    throw new OperationRefused('bad message', message, status);
  }
  const request: RetryRequest = { retry: { ...selection, batch_dir } };
  const options: WorkflowStartOptions<typeof imageBatch> = {
    taskQueue: TASK_QUEUES.main,
    workflowId: batchId,
    args: [request],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'FAIL',
    memo: { ...memo },
    staticSummary: 'once more',
  };
  const handle = await startListed(
    client,
    WORKFLOW_TYPES.batch,
    options,
    batchAttributes(batchId, 'running'),
  );
  return { by: 'new run', handle };
}
