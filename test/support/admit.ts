/** Admission as a worker does it, without a Temporal server: the input is what the server would have kept of the start. */
import { defaultPayloadConverter } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Client } from '@temporalio/client';
import { createRecordingActivities } from '../../src/activities/index.ts';
import { readAdmittedTask } from '../../src/activities/task-of-order.ts';
import type { AdmissionOrder } from '../../src/domain/activity-contract.ts';
import type { Admission } from '../../src/domain/batch.ts';
import { type PackedAdmission, unpackAdmission } from '../../src/domain/packed-admission.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import { RUN_ID, SILENT } from './activity-world.ts';

/** @throws ApplicationFailure with what admission refuses */
export async function admit(
  deps: ActivityDeps,
  kind: AdmissionOrder['kind'],
  workflowId: string,
  input: unknown,
): Promise<Admission> {
  const env = new MockActivityEnvironment({}, { client: serverThatKept(input), logger: SILENT });
  const order: AdmissionOrder = {
    kind,
    namespace: 'default',
    workflow_id: workflowId,
    run_id: RUN_ID,
    order_run_id: RUN_ID,
    started_at_ms: Date.now(),
  };
  const { admitTasks } = createRecordingActivities(deps);
  return unpackAdmission(
    await env.run<[AdmissionOrder], PackedAdmission, typeof admitTasks>(admitTasks, order),
  );
}

/** Tasks that passed it, as their order files have them. */
export function tasksOf({ tasks, batch_dir }: Admission): Promise<AdmittedTask[]> {
  return Promise.all(tasks.map((ticket) => readAdmittedTask({ ...ticket, batch_dir })));
}

function serverThatKept(input: unknown): Client {
  const payloads = [defaultPayloadConverter.toPayload(input)];
  const events = [{ workflowExecutionStartedEventAttributes: { input: { payloads } } }];
  const getWorkflowExecutionHistory = () => Promise.resolve({ history: { events } });
  const withAbortSignal = (_: AbortSignal, work: () => unknown) => work();
  return { withAbortSignal, workflowService: { getWorkflowExecutionHistory } } as unknown as Client;
}
