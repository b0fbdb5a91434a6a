/**
 * What becomes of a task of a queue run is told to the files of its queue (SPEC F4). They are projections: what can't be
 * written there is in the log, and neither stops nor fails a call that is paid.
 */
import { log } from '@temporalio/activity';
import { QueueFolder } from '../artifacts/queue-folder.ts';
import type { QueuePlace } from '../domain/queue.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { ActivityDeps } from './deps.ts';

type Tell = (folder: QueueFolder, place: QueuePlace) => Promise<void>;

/** Nothing to tell of a task that is of no queue. */
export async function tellQueue(
  deps: Pick<ActivityDeps, 'redactLong'>,
  { queue }: Pick<AdmittedTask, 'queue'>,
  tell: Tell,
): Promise<void> {
  if (queue === undefined) return;
  await tellFolder(deps, queue.state_dir, (folder) => tell(folder, queue));
}

export async function tellFolder(
  { redactLong }: Pick<ActivityDeps, 'redactLong'>,
  stateDir: string,
  tell: (folder: QueueFolder) => Promise<void>,
): Promise<void> {
  try {
    await tell(new QueueFolder(stateDir, redactLong));
  } catch (error) {
    log.warn(`the queue's files in ${stateDir} could not be written: ${(error as Error).message}`);
  }
}
