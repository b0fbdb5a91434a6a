/** Every activity a workflow may call, and what each of them may take (DESIGN 2.2–2.5). */
import { ActivityCancellationType, type ActivityInterfaceFor, proxyActivities } from '@temporalio/workflow';
import type { ImageActivities } from '../domain/activity-contract.ts';
import { TASK_QUEUES } from '../domain/messages.ts';
import { MODE_NAMES, type TaskTicket } from '../domain/task.ts';
import { TEMPORAL_ATTEMPTS } from '../domain/temporal-attempts.ts';

type Activities = ActivityInterfaceFor<ImageActivities>;

/** Without a sign of life for this long an activity is given to another worker. */
const LOST_WORKER_AFTER = '20s';

/** Files and hashes: free to repeat, quick. 50 tries are an hour of a full disk. */
function filesAndHashes(summary: string) {
  return proxyActivities<Activities>({
    startToCloseTimeout: '5 minutes',
    heartbeatTimeout: LOST_WORKER_AFTER,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: 50 },
    summary,
  });
}

export const { admitTasks } = filesAndHashes('Check the order, adopt what is proven');
export const { recordTask } = filesAndHashes('Last words: result.json, state.json');
export const { readEnd } = filesAndHashes('How a cancelled task ended: its last words');
export const { noteWorkers } = filesAndHashes('Another number of tasks at a time: queue_state.json');
export const { recordBatch } = filesAndHashes('Last words: batch_result.json');
export const { reopenTask } = filesAndHashes('Get an ended task ready to run again');

/** The answer of a cancelled task is there or it is not; what keeps it from being an image is not waited for long. */
export const { collectImage } = proxyActivities<Activities>({
  summary: 'Was the request answered before the cancel? Then its image',
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: LOST_WORKER_AFTER,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: { initialInterval: '1s', backoffCoefficient: 1, maximumAttempts: 2 },
});

/** Waits as long as somebody else's task takes; a lost worker is noticed by the missing heartbeat. */
export const { awaitActiveTask } = proxyActivities<Activities>({
  summary: 'Whose is the active task of this key? Await it when it is ours',
  startToCloseTimeout: '7 days',
  heartbeatTimeout: LOST_WORKER_AFTER,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s', maximumAttempts: 1000 },
});

/** Time beyond the request limit for reading references, spooling and decoding. */
const BESIDE_THE_REQUEST_MS = 90_000;

/**
 * The paid call. Intended waits come as `nextRetryDelay`; what has none is a crash and is repeated at once. Never a
 * schedule-to-close timeout: it would count the wait for a slot. The cancellation type is explicit because unset acts
 * as TRY_CANCEL: the task would close at once and a paid answer arrive with no home.
 */
export function paidCall(task: TaskTicket): Pick<Activities, 'generateImage'> {
  return proxyActivities<Activities>({
    taskQueue: TASK_QUEUES.api,
    summary: `${MODE_NAMES[task.mode]} · ${task.provider}/${task.model} · ${task.size}`,
    startToCloseTimeout: task.timeout_ms + BESIDE_THE_REQUEST_MS,
    heartbeatTimeout: task.heartbeat_timeout_ms,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: '1s',
      backoffCoefficient: 1,
      maximumInterval: '15 minutes',
      // Requests are bounded by the spool, attempts by the activity: it knows which of them only waited.
      maximumAttempts: TEMPORAL_ATTEMPTS,
    },
  });
}
