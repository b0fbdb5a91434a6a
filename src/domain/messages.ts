import type { KeptHead } from './batch-records.ts';
import type { BillingTally } from './records.ts';
import type { Tally, TaskStatus } from './status.ts';
import type { Mode } from './task.ts';

/** Names that people type at the Temporal CLI and see in the Web UI; changing one breaks them. */
export const WORKFLOW_TYPES = { batch: 'imageBatch', task: 'imageTask' } as const;

/** DESIGN 1: workflows and cheap activities on one queue, the paid calls on a lane of their own. */
export const TASK_QUEUES = { main: 'imgproof', api: 'imgproof-api' } as const;

export const QUERIES = { progress: 'progress', tasks: 'tasks' } as const;

/** What people ask of a running batch (SPEC T3); the answer says what became of it. */
export const UPDATES = {
  cancelTask: 'cancelTask',
  cancelQueued: 'cancelQueued',
  cancelAll: 'cancelAll',
  pause: 'pause',
  resume: 'resume',
  setMaxWorkers: 'setMaxWorkers',
  retryFailed: 'retryFailed',
} as const;

/** To the workflow of one task: stop. Its activity asks by the query how. */
export const TASK_MESSAGES = { cancel: 'cancel', cancelMode: 'cancelMode' } as const;

/**
 * `finish`: a request that was sent may bring its image, nothing further is sent. `now`: it is aborted and may still be
 * billed (SPEC B7).
 */
export type CancelMode = 'finish' | 'now';

export interface CancelRequest {
  /** Key of a task, or its name when no other task has it. */
  task: string;
  /** Abort a request that was sent. Default false. */
  now?: boolean;
}

/** What a cancel met, by task key. */
export interface CancelAnswer {
  /** Never started; they end `cancelled`. */
  cancelled: string[];
  /** Their requests are out: they may still bring an image. */
  finishing: string[];
  /** Their requests are being aborted and may be billed. */
  aborting: string[];
  /** Nobody knows the tasks yet: none of them will be started. */
  before_admission?: true;
}

export interface PauseRequest {
  /** Shown wherever the batch is shown. */
  reason?: string;
}

export interface ResumeRequest {
  /** Another cap from now on, in units of the currency (SPEC R8). Default: the one it has. */
  max_cost?: number;
}

export interface PauseAnswer {
  paused: boolean;
  /** False when it was so before. */
  changed: boolean;
  /** Tasks that go on to their end. */
  running: number;
  queued: number;
}

export interface MaxWorkersAnswer {
  max_workers: number;
  /** What it was before. */
  before: number;
  /** Set when another number was asked for than 1 to 4 (SPEC B1). */
  warning: string | null;
}

/** Which ended tasks run again. Default: failed and timed out ones. */
export interface RetrySelection {
  failed?: boolean;
  timed_out?: boolean;
  /** Keys, or names that only one task has; any that ended and is not completed. */
  tasks?: string[];
}

export interface RetryAnswer {
  /** Keys of the tasks that are queued again; each with a call of its own, the proofs of earlier ones stay. */
  retried: string[];
}

/** Answer of the query `progress`. */
export interface BatchProgress {
  phase: 'admitting' | 'running' | 'recording' | 'done';
  /** Of this run of the workflow, ISO 8601. */
  started_at: string;
  batch_dir: string | null;
  total: number;
  /** Images at the same time; 0 before admission. */
  max_workers: number;
  /** Null while tasks are started. */
  paused: PausedState | null;
  /** Absent: no cap (SPEC R8). */
  max_cost?: { currency: string; micros: number };
  /** Nothing is under way, neither a task nor a record; a batch that is paused then stands still. */
  idle: boolean;
  counters: Tally;
  /** Completed without a call because the proof was there already. */
  adopted: number;
  warnings: string[];
  /** Tasks whose workflow is open now. */
  running: { task_key: string; task_name: string; index: number }[];
}

/**
 * `provider_down`: the provider refuses credentials, money or model (SPEC R7). `cost_cap`: the next task would break
 * `max_cost` (SPEC R8).
 */
export type PausedBy = 'person' | 'provider_down' | 'cost_cap';

export interface PausedState {
  by: PausedBy;
  /** ISO 8601, by the server's clock. */
  since: string;
  /** Null when nobody gave one. */
  reason: string | null;
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
  /** Somebody cancelled it while it ran; null when nobody did. */
  cancelling: CancelMode | null;
  /** ISO 8601, by the server's clock; null before, and of tasks that never ran in this batch. */
  started_at: string | null;
  ended_at: string | null;
  image_path: string | null;
  bytes: number | null;
  /** Requests of this order by what they may have cost, as of its last end or of when it was queued again; an adopted result cost nothing. */
  billing: BillingTally;
  error: string | null;
}

export type WaitingFor =
  | 'a call of the same generation'
  | 'the spool'
  | 'the image'
  | 'the disk'
  /** What is known of a request, or that one is to be sent, can't be written down; it is tried again. */
  | 'a disk that refuses'
  /** The answer came, and only links to the image. */
  | 'the link'
  /** Nothing was sent: the task only pretends (SPEC M). */
  | 'the mock'
  /** It asked this worker to slow down, whichever task it told (SPEC R3). */
  | 'the provider'
  | 'the next attempt';

/** Heartbeat details of `generateImage`: the only live view of an attempt that Temporal itself can show (T2). */
export interface AttemptHeartbeat {
  /** What it waits for, in words. */
  now: string;
  waiting_for: WaitingFor;
  generation_id: string;
  temporal_attempt: number;
  sent: boolean;
  /** Temporal attempts up to this one that may have sent a request; absent in what an earlier version told. */
  may_have_sent?: number[];
  /** Temporal attempts up to this one that only waited, for the provider or a disk: not counted against their bound. */
  waited_attempts?: number;
  /** Requests sent so far for this task, this one included. */
  attempt: number;
  elapsed_seconds: number;
  /** Of the request under way. */
  limit_seconds: number;
  /** When the time of the whole task is over, ISO 8601; null without a limit, or before its first request. */
  deadline_at: string | null;
  /** Why the disk refuses; absent while it does not. */
  disk_problem?: string;
  /** ISO 8601, in the last word before a wait, and while it waits for the provider; null while it is at work. */
  next_attempt_at: string | null;
}

/** Memo of batches and tasks: how others tell whose they are. */
export interface OrderMemo {
  batch_id?: string;
  batch_hash?: string;
  /** Hash of the batch as a plain client sent it, without the worker's defaults (SPEC C6). */
  sent_hash?: string;
  /** The order run id of SPEC: tells an earlier order of the same batch id from this one. */
  order_run_id?: string;
  /** Folder of the batch, on the worker's disk. */
  batch_dir?: string;
  /** Head of its manifest, once it is recorded; absent in batches of earlier versions. */
  manifest?: Omit<KeptHead, 'batch_dir'>;
  /** Folder of a task that was started alone, likewise. */
  run_dir?: string;
  /** Why nothing is started; null or absent when something is. A paused batch keeps no idle system up (SPEC C5). */
  paused?: string | null;
  /** Null or absent likewise. */
  paused_by?: PausedBy | null;
}
