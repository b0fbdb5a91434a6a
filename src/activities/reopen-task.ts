import { writeOrderFile } from '../artifacts/order-file.ts';
import type { ImageActivities } from '../domain/activity-contract.ts';
import { generationId } from '../domain/ids.ts';
import type { ActivityDeps } from './deps.ts';
import { sha256 } from './sha256.ts';
import { readAdmittedTask } from './task-of-order.ts';
import { writeQueued } from './task-state.ts';
import { tellQueue } from './tell-queue.ts';

/** Another generation in the same folder: its attempts are numbered on, its result replaces the one before. */
export function createReopenTask(deps: Pick<ActivityDeps, 'redactLong'>): ImageActivities['reopenTask'] {
  return async ({ order, namespace, order_run_id }) => {
    const task = await readAdmittedTask(order);
    const { retry = 0 } = order;
    const origin = { namespace, workflow_id: task.task_key, order_run_id, retry };
    const again = { ...task, adopts: false, generation_id: generationId(origin, sha256) };
    await writeOrderFile(order, again, deps.redactLong);
    await writeQueued(deps, again);
    await tellQueue(deps, again, (queue, place) => queue.reopened(place, again.generation_id));
  };
}
