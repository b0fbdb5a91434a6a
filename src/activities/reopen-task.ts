import { writeOrderFile } from '../artifacts/order-file.ts';
import { TaskFolder } from '../artifacts/task-folder.ts';
import type { ImageActivities } from '../domain/activity-contract.ts';
import { billed } from '../domain/cost.ts';
import { generationId } from '../domain/ids.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { ActivityDeps } from './deps.ts';
import { hasKeptAnswer } from './kept-answer.ts';
import { sha256 } from './sha256.ts';
import { readAdmittedTask } from './task-of-order.ts';
import { writeQueued } from './task-state.ts';
import { tellQueue } from './tell-queue.ts';

/**
 * Another generation in the same folder: its attempts are numbered on, its result replaces the one before. With a paid answer
 * that nobody made an image of it is the same generation, which adopts it.
 */
export function createReopenTask(
  deps: Pick<ActivityDeps, 'redactLong' | 'spool'>,
): ImageActivities['reopenTask'] {
  return async ({ order, namespace, order_run_id, because }) => {
    const before = await readAdmittedTask(order);
    const { continues: _, ...task } = before;
    const { retry = 0 } = order;
    const origin = { namespace, workflow_id: task.task_key, order_run_id, retry };
    const folder = new TaskFolder(task.run_dir, deps.redactLong);
    const isKept = await hasKeptAnswer(deps.spool, folder, before);
    const generation_id = isKept ? before.generation_id : generationId(origin, sha256);
    const continues = because === undefined ? [] : continued(before, generation_id);
    const again: AdmittedTask = {
      ...task,
      adopts: false,
      generation_id,
      ...(continues.length === 0 ? {} : { continues }),
    };
    await writeOrderFile(order, again, deps.redactLong);
    if (because !== undefined || isKept) await folder.takeBackResult(generation_id);
    await writeQueued(deps, again, because ?? null);
    await tellQueue(deps, again, (queue, place) => queue.reopened(place, generation_id, because ?? null));
    return billed(await folder.readAttempts(), again.price);
  };
}

/** Also when this activity is repeated and the order file is the new one already, or the generation stays what it is. */
function continued({ continues = [], generation_id }: AdmittedTask, newId: string): string[] {
  return generation_id === newId ? continues : [...continues, generation_id];
}
