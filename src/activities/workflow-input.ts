import { Context } from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import type { AdmissionOrder } from '../domain/activity-contract.ts';

/**
 * What a workflow run was started with, from its first event: so that a batch of a megabyte is in its history once. The
 * workflow has seen it before and refused what is no order (SPEC T1).
 */
export async function inputOf({ namespace, workflow_id, run_id }: AdmissionOrder): Promise<unknown> {
  const { workflowService } = Context.current().client;
  const { history } = await workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: { workflowId: workflow_id, runId: run_id },
    maximumPageSize: 1,
  });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const [payload] = started?.input?.payloads ?? [];
  if (payload === undefined) throw new Error(`the first event of workflow "${workflow_id}" has no input`);
  return defaultPayloadConverter.fromPayload(payload);
}
