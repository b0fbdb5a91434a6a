/** Starting a workflow with our search attributes, which not every namespace knows (SPEC T2). */
import type { Client, WorkflowHandle, WorkflowStartOptions } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import { defineSearchAttributeKey } from './sdk.ts';
import { grpcErrorIn } from './server-problem.ts';

/** With all of them, or where one is not registered with none: everything works without them too. */
export async function startListed<T extends Workflow>(
  client: Client,
  type: string,
  options: WorkflowStartOptions<T>,
  values: Readonly<Record<string, string>>,
): Promise<WorkflowHandle<T>> {
  const typedSearchAttributes = Object.entries(values).map(([name, value]) => ({
    key: defineSearchAttributeKey(name, 'KEYWORD'),
    value,
  }));
  try {
    return await client.workflow.start<T>(type, { ...options, typedSearchAttributes });
  } catch (error) {
    if (!isUnknownAttribute(error)) throw error;
    return client.workflow.start<T>(type, options);
  }
}

const INVALID_ARGUMENT = 3;

function isUnknownAttribute(error: unknown): boolean {
  const { code, details } = grpcErrorIn(error) ?? {};
  return code === INVALID_ARGUMENT && /search attribute/iu.test(details ?? '');
}
