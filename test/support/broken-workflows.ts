/** Workflows with the faults that no workflow of ours may have, for the test of the checker that finds them. */
import { executeChild, sleep, workflowInfo } from '@temporalio/workflow';

/** No `TemporalFailure`: the server tries the same workflow task again, for ever. */
export async function throwsTypeError(): Promise<void> {
  throw new TypeError('a fault of the code');
}

export async function parentOfThrowing(childId: string): Promise<void> {
  await executeChild(throwsTypeError, { workflowId: childId });
}

/** Orders a timer, and a child when its history is replayed. */
export async function changesItsMind(): Promise<void> {
  if (workflowInfo().unsafe.isReplaying) await executeChild(throwsTypeError);
  else await sleep(10);
}
