import type { ImageActivities } from '../domain/activity-contract.ts';
import { createAdmitTasks } from './admit-tasks.ts';
import { createAwaitActiveTask } from './await-active-task.ts';
import type { ActivityDeps } from './deps.ts';
import { createCollectImage, createGenerateImage } from './generate-image.ts';
import { heartbeating } from './heartbeating.ts';
import { createNoteWorkers } from './note-workers.ts';
import { createReadEnd } from './read-end.ts';
import { createRecordBatch } from './record-batch.ts';
import { createRecordTask } from './record-task.ts';
import { createReopenTask } from './reopen-task.ts';

/** Cheap activities, for the queue `imgproof`. */
export type RecordingActivities = Omit<ImageActivities, 'generateImage'>;

export function createRecordingActivities(deps: ActivityDeps): RecordingActivities {
  return {
    admitTasks: alive(createAdmitTasks(deps)),
    awaitActiveTask: alive(createAwaitActiveTask(deps)),
    reopenTask: alive(createReopenTask(deps)),
    collectImage: createCollectImage(deps),
    recordTask: alive(createRecordTask(deps)),
    readEnd: alive(createReadEnd()),
    noteWorkers: alive(createNoteWorkers(deps)),
    recordBatch: alive(createRecordBatch(deps)),
  };
}

/** With signs of life while it runs. */
function alive<Order, Answer>(
  activity: (order: Order) => Promise<Answer>,
): (order: Order) => Promise<Answer> {
  return (order) =>
    heartbeating(
      () => undefined,
      () => activity(order),
    );
}

/** The paid call alone, for the lane `imgproof-api`. */
export function createPaidActivities(deps: ActivityDeps): Pick<ImageActivities, 'generateImage'> {
  return { generateImage: createGenerateImage(deps) };
}
