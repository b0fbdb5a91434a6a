import type { PackedAdmission } from './packed-admission.ts';
import type { FailureReport } from './failure.ts';
import type { BatchSummary } from './batch-records.ts';
import type { BillingTally, ImageFacts, TaskEnd, TaskRow } from './records.ts';
import type { TaskOrder } from './task.ts';

/** What workflows may ask of the outside world. Results are paths, hashes and tallies: image bytes never travel (DESIGN 1). */
export interface ImageActivities {
  /**
   * Validate what this workflow was started with, fill defaults, hash references, adopt proven results. All problems at
   * once. Reads the input from the server: it need not be in the history twice.
   */
  admitTasks(order: AdmissionOrder): Promise<PackedAdmission>;
  /** Say whose the active task of this key is, and await it when it belongs to the same batch (DESIGN 2.6). */
  awaitActiveTask(query: ActiveTaskQuery): Promise<ActiveTaskAnswer>;
  /** The only activity that calls the provider: at most one request per Temporal attempt (SPEC R1). */
  generateImage(order: TaskOrder): Promise<Delivery>;
  /**
   * The image of a request that was answered before its task was cancelled, when sent requests shall finish (SPEC B7). Sends
   * nothing; null when there is no such answer on this host.
   */
  collectImage(order: TaskOrder): Promise<Delivery | null>;
  /** Last words of a task: result.json, state.json, stdout, stderr, proof index. */
  recordTask(order: TaskRecordOrder): Promise<TaskRow>;
  /** How a task ended that has written its last words, and whose workflow could not hand them over: it was cancelled. */
  readEnd(order: TaskOrder): Promise<TaskEnd>;
  /**
   * Get a task that ended ready for one more call of its own; its earlier proof stays in its attempts. Returns what its
   * requests so far may have cost.
   */
  reopenTask(order: ReopenOrder): Promise<BillingTally>;
  /** Another number of tasks may run at a time: a queue's files say so too (SPEC F4). */
  noteWorkers(note: WorkersNote): Promise<void>;
  /** Last words of a batch: batch_result.json, from the order and the results in its folder. */
  recordBatch(order: BatchRecordOrder): Promise<BatchSummary>;
}

export interface AdmissionOrder {
  kind: 'batch' | 'task';
  namespace: string;
  workflow_id: string;
  run_id: string;
  /** The order run id of SPEC: `firstExecutionRunId`, which survives resets. */
  order_run_id: string;
  /** Start of this workflow run, milliseconds since 1970. */
  started_at_ms: number;
}

export interface ActiveTaskQuery {
  /** Whose key it is, and whose files are told when it is skipped. */
  order: TaskOrder;
  batch_id: string;
}

/** SPEC B5. */
export function activeElsewhere(
  taskKey: string,
  { workflow_id, run_id }: { workflow_id: string; run_id: string },
): string {
  return `task_key "${taskKey}" is active elsewhere: workflow ${workflow_id}, run ${run_id}`;
}

export type ActiveTaskAnswer =
  | { belongs_to: 'this batch'; order_run_id: string | null; end: TaskEnd | null }
  | { belongs_to: 'another'; workflow_id: string; run_id: string; batch_id: string | null }
  | { belongs_to: 'nobody' };

/** What `generateImage` brings back: the image on disk and which attempt made it. */
export interface GeneratedImage {
  generation_id: string;
  workflow_id: string;
  image: ImageFacts & { path: string };
  attempt: number;
  /** Path of the result.json whose image this is, when it was proven before (reset of a task; SPEC B6). */
  adopted_from?: string;
}

/** What `generateImage` brings back of a mock task: there is no image (SPEC M). */
export interface MockedImage {
  generation_id: string;
  workflow_id: string;
  attempt: number;
  mock: { output_text: string };
}

export type Delivery = GeneratedImage | MockedImage;

export type TaskOutcome =
  | { status: 'completed'; generated: Delivery }
  | { status: 'failed' | 'timed_out' | 'cancelled'; failure: FailureReport };

export interface TaskRecordOrder {
  order: TaskOrder;
  workflow_id: string;
  run_id: string;
  started_at_ms: number;
  outcome: TaskOutcome;
}

export interface ReopenOrder {
  /** Its `retry` is the new one. */
  order: TaskOrder;
  namespace: string;
  order_run_id: string;
  /**
   * Of a task that nobody ordered anew: it is queued again because the provider was down (SPEC R7). Why, in words; its last
   * word is taken back, and the requests that were sent for it count on.
   */
  because?: string;
}

export interface WorkersNote {
  batch_dir: string;
  /** 1 to 4. */
  max_workers: number;
}

export interface BatchRecordOrder {
  batch_dir: string;
  /** Of tasks that are not completed: one that never ran has no result in its folder. */
  ends: TaskEnd[];
  /** 1 to 4: as it is now, somebody may have changed it. Absent in orders of earlier versions. */
  max_workers?: number;
}
