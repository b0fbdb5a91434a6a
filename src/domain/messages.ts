import type { BillingTally } from './records.ts';
import type { Tally, TaskStatus } from './status.ts';
import type { Mode } from './task.ts';

/** Names that people type at the Temporal CLI and see in the Web UI; changing one breaks them. */
export const WORKFLOW_TYPES = { batch: 'imageBatch', task: 'imageTask' } as const;

/** DESIGN 1: workflows and cheap activities on one queue, the paid calls on a lane of their own. */
export const TASK_QUEUES = { main: 'imgproof', api: 'imgproof-api' } as const;

export const QUERIES = { progress: 'progress', tasks: 'tasks' } as const;

/** Answer of the query `progress`. */
export interface BatchProgress {
  phase: 'admitting' | 'running' | 'recording' | 'done';
  /** Of this run of the workflow, ISO 8601. */
  started_at: string;
  batch_dir: string | null;
  total: number;
  /** Images at the same time; 0 before admission. */
  max_workers: number;
  counters: Tally;
  /** Completed without a call because the proof was there already. */
  adopted: number;
  warnings: string[];
  /** Tasks whose workflow is open now. */
  running: { task_key: string; task_name: string; index: number }[];
}

/** Answer of the query `tasks`, one per task in file order. */
export interface TaskState {
  index: number;
  task_key: string;
  task_name: string;
  mode: Mode;
  /** Number of reference images. */
  references: number;
  status: TaskStatus;
  /** Completed by a proof that was there already. */
  adopted: boolean;
  /** ISO 8601, by the server's clock; null before, and of tasks that never ran in this batch. */
  started_at: string | null;
  ended_at: string | null;
  image_path: string | null;
  bytes: number | null;
  /** Requests of this order by what they may have cost, known when the task has ended; an adopted result cost nothing. */
  billing: BillingTally;
  error: string | null;
}

export type WaitingFor = 'a call of the same generation' | 'the spool' | 'the image' | 'the disk';

/** Heartbeat details of `generateImage`: the only live view of an attempt that Temporal itself can show (T2). */
export interface AttemptHeartbeat {
  waiting_for: WaitingFor;
  generation_id: string;
  temporal_attempt: number;
  sent: boolean;
  /** Requests sent so far for this task, this one included. */
  attempt: number;
  elapsed_seconds: number;
  limit_seconds: number;
}

/** Memo of batches and tasks: how others tell whose they are. */
export interface OrderMemo {
  batch_id?: string;
  batch_hash?: string;
  /** Hash of the batch as a plain client sent it, without the worker's defaults (SPEC C6). */
  sent_hash?: string;
  /** The order run id of SPEC: tells an earlier order of the same batch id from this one. */
  order_run_id?: string;
}
