/** SPEC B5: whose is the task that is active under this key, and if it is ours, how did it end? */
import { Context } from '@temporalio/activity';
import { activeElsewhere, type ImageActivities } from '../domain/activity-contract.ts';
import { decideActive } from '../domain/ids.ts';
import type { OrderMemo } from '../domain/messages.ts';
import type { TaskEnd } from '../domain/records.ts';
import type { TaskOrder } from '../domain/task.ts';
import type { ActivityDeps } from './deps.ts';
import { readTask } from './task-of-order.ts';
import { tellQueue } from './tell-queue.ts';

export function createAwaitActiveTask(
  deps: Pick<ActivityDeps, 'redactLong'>,
): ImageActivities['awaitActiveTask'] {
  return async ({ order, batch_id }) => {
    const { client } = Context.current();
    const { task_key } = order;
    const active = await client.workflow.getHandle(task_key).describe();
    if (active.status.name !== 'RUNNING') return { belongs_to: 'nobody' };
    const memo = (active.memo ?? {}) as OrderMemo;
    const owner = memo.batch_id ?? null;
    if (decideActive(batch_id, owner) === 'skip') {
      const other = { workflow_id: task_key, run_id: active.runId };
      await tellSkipped(deps, order, activeElsewhere(task_key, other));
      return { belongs_to: 'another', ...other, batch_id: owner };
    }
    const handle = client.workflow.getHandle(task_key, active.runId);
    const end = await Promise.race([endOf(handle.result()), Context.current().cancelled]);
    return { belongs_to: 'this batch', order_run_id: memo.order_run_id ?? null, end };
  };
}

/** Its own workflow never ran, so nobody else says so before the batch has ended. */
async function tellSkipped(
  deps: Pick<ActivityDeps, 'redactLong'>,
  order: TaskOrder,
  error: string,
): Promise<void> {
  const end = { status: 'skipped', output: null, error, result_json: null } as const;
  await tellQueue(deps, await readTask(order), (queue, place) => queue.finished(place, end));
}

/** A task that failed carries its end in the failure; one that was terminated left none. A server that is away says nothing. */
async function endOf(result: Promise<unknown>): Promise<TaskEnd | null> {
  try {
    return (await result) as TaskEnd;
  } catch (error) {
    const { name, cause } = error as { name?: string; cause?: { details?: unknown[] } };
    if (name !== 'WorkflowFailedError') throw error;
    return (cause?.details?.[0] as TaskEnd | undefined) ?? null;
  }
}
