import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import { workflowInfo } from '@temporalio/workflow';
import type { AdmissionOrder } from '../domain/activity-contract.ts';
import type { Admission } from '../domain/batch.ts';
import { unpackAdmission } from '../domain/packed-admission.ts';
import { admitTasks } from './activities.ts';

/** Admission of what this workflow was started with. What it refuses ends the workflow with its own words, not wrapped (SPEC T1). */
export async function admit(kind: AdmissionOrder['kind']): Promise<Admission> {
  const { namespace, workflowId, runId, firstExecutionRunId, startTime } = workflowInfo();
  try {
    const packed = await admitTasks({
      kind,
      namespace,
      workflow_id: workflowId,
      run_id: runId,
      order_run_id: firstExecutionRunId,
      started_at_ms: startTime.getTime(),
    });
    return unpackAdmission(packed);
  } catch (error) {
    const cause = error instanceof ActivityFailure ? error.cause : undefined;
    if (!(cause instanceof ApplicationFailure)) throw error;
    throw ApplicationFailure.nonRetryable(cause.message, cause.type, ...(cause.details ?? []));
  }
}
