import { readBatchRequest } from '../artifacts/batch-folder.ts';
import type { ImageActivities } from '../domain/activity-contract.ts';
import type { ActivityDeps } from './deps.ts';
import { tellFolder } from './tell-queue.ts';

/** Nothing to tell of a batch that is no queue run: its order stays what it was. */
export function createNoteWorkers(deps: Pick<ActivityDeps, 'redactLong'>): ImageActivities['noteWorkers'] {
  return async ({ batch_dir, max_workers }) => {
    const queue = (await readBatchRequest(batch_dir))?.queue;
    if (queue === undefined) return;
    await tellFolder(deps, queue.state_dir, (folder) => folder.limit(queue.queue_id, max_workers));
  };
}
