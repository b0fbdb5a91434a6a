import type { ImageActivities } from '../domain/activity-contract.ts';
import { billed } from '../domain/cost.ts';
import { generationId } from '../domain/ids.ts';
import type { ActivityDeps } from './deps.ts';
import { runAgain } from './run-again.ts';
import { sha256 } from './sha256.ts';
import { readAdmittedTask } from './task-of-order.ts';

/** A task of a running batch runs once more; what its requests so far may have cost. */
export function createReopenTask(
  deps: Pick<ActivityDeps, 'redactLong' | 'spool'>,
): ImageActivities['reopenTask'] {
  return async ({ order, namespace, order_run_id, because = null }) => {
    const before = await readAdmittedTask(order);
    const origin = { namespace, workflow_id: before.task_key, order_run_id, retry: order.retry ?? 0 };
    const newGenerationId = generationId(origin, sha256);
    const { again, folder } = await runAgain(deps, { before, place: order, newGenerationId, because });
    return billed(await folder.readAttempts(), again.price);
  };
}
