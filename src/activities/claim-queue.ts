/** One queue run at a time per state directory (SPEC F4), and what the last one left there. */
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { QueueFolder } from '../artifacts/queue-folder.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import type { QueueHead, QueueState } from '../domain/queue.ts';

/** Take the directory; returns what is worth saying of what was there. @throws ApplicationFailure that names who has it */
export async function claimQueue(folder: QueueFolder, head: QueueHead): Promise<string[]> {
  const claim = await folder.claim(head, isOpen);
  if (claim.kind === 'claimed') return claim.found === null ? [] : foundTexts(folder.path, claim.found);
  const { queue_id, started_at, running, queued } = claim.by;
  throw ApplicationFailure.nonRetryable(
    `${folder.path} is in use by the queue run "${queue_id}" since ${started_at} (${Object.keys(running).length} running, ` +
      `${queued.length} waiting). Wait for it, cancel it with \`imgproof queue cancel --all\`, or use another --state-dir. ` +
      'Nothing was sent.',
    FAILURE_TYPES.environment,
    { queue_id },
  );
}

/** True while its workflow runs; one whose server knows it no more has ended. */
async function isOpen({ namespace, queue_id, order_run_id }: QueueState): Promise<boolean> {
  const { workflowService } = Context.current().client;
  const execution = { workflowId: queue_id };
  try {
    const { workflowExecutionInfo } = await workflowService.describeWorkflowExecution({
      namespace,
      execution,
    });
    const isSameOrder = workflowExecutionInfo?.firstRunId === order_run_id;
    return isSameOrder && Number(workflowExecutionInfo?.status) === RUNNING;
  } catch (error) {
    if ((error as { code?: unknown }).code === NOT_FOUND) return false;
    throw error;
  }
}

/** `temporal.api.enums.v1.WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING`. */
const RUNNING = 1;
/** gRPC; also of a namespace that is not there. */
const NOT_FOUND = 5;

function foundTexts(stateDir: string, { status, queue_id, updated_at, counters }: QueueState): string[] {
  if (status === 'done') return [];
  const { completed, running, queued } = counters;
  return [
    `${stateDir} holds the queue run "${queue_id}", which did not come to its end: when it was last heard of, at ${updated_at}, ` +
      `${completed} were completed, ${running} running, ${queued} waiting. Its folders below tasks/ stay as they are, its state is kept in runs/`,
  ];
}
