/**
 * What becomes of a task of a queue run is told to the files of its queue (SPEC F4). They are projections: what can't be
 * written there is in the log, and neither stops nor fails a call that is paid.
 */
import { log } from '@temporalio/activity';
import { QueueFolder } from '../artifacts/queue-folder.ts';
import type { QueuePlace } from '../domain/queue.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { ActivityDeps } from './deps.ts';
import type { SlotIdentity } from './worker-slots.ts';

type TellDeps = Pick<ActivityDeps, 'redactLong'>;
type Told = Pick<AdmittedTask, 'queue'>;
type Tell = (folder: QueueFolder, place: QueuePlace) => Promise<void>;

/** Nothing to tell of a task that is of no queue. */
export async function tellQueue(deps: TellDeps, { queue }: Told, tell: Tell): Promise<void> {
  if (queue === undefined) return;
  await tellFolder(deps, queue.state_dir, (folder) => tell(folder, queue));
}

/** An attempt of it holds a slot. */
export function tellStarted(deps: TellDeps, task: Told, slot: SlotIdentity): Promise<void> {
  return tellQueue(deps, task, (queue, place) => queue.started(place, slot));
}

/** The attempt failed; whether another one comes is not known here. */
export function tellReleased(deps: TellDeps, task: Told): Promise<void> {
  return tellQueue(deps, task, (queue, place) => queue.released(place));
}

export function tellOrphan(deps: TellDeps, task: AdmittedTask, attempt: number): Promise<void> {
  const { generation_id } = task;
  return tellQueue(deps, task, (queue, place) =>
    queue.tell(place, 'orphan_late_output', { attempt, generation_id }),
  );
}

/** The deadline has cut off a request, and then its record is written (SPEC F4). */
export function tellTimeoutKill(
  deps: TellDeps,
  task: AdmittedTask,
  { step, attempt }: { step: 'start' | 'done'; attempt: number },
): Promise<void> {
  const { generation_id } = task;
  return tellQueue(deps, task, (queue, place) =>
    queue.tell(place, `task_timeout_kill_${step}`, { attempt, generation_id }),
  );
}

export async function tellFolder(
  { redactLong }: TellDeps,
  stateDir: string,
  tell: (folder: QueueFolder) => Promise<void>,
): Promise<void> {
  try {
    await tell(new QueueFolder(stateDir, redactLong));
  } catch (error) {
    log.warn(`the queue's files in ${stateDir} could not be written: ${(error as Error).message}`);
  }
}
