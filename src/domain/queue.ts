/** A queue run (SPEC B3, F4, F11): its order, its rows, and the picture that they make together. Pure. */
import { TASK_STATUSES, type TaskStatus } from './status.ts';

/** What happens to tasks over the capacity: both are listed with a folder of their own; only the status differs. */
export const OVERFLOW_POLICIES = ['reject', 'discard'] as const;
export type OverflowPolicy = (typeof OVERFLOW_POLICIES)[number];

/** The block `queue` of a batch: with it the queue's admission and file layout count (SPEC B3, F4). */
export interface QueueRequest {
  /** Folder of the queue's files. Default: `OPENCLAW_IMAGE_QUEUE_DIR`, else `<openclaw state dir>/image-queue`. */
  state_dir?: string;
  /** Tasks that may wait beside the `max_workers` that run. 0 or more, default 100. */
  max_queue_size?: number;
  /** Default `reject`. */
  overflow_policy?: OverflowPolicy;
}

export const QUEUE_DEFAULTS = {
  max_queue_size: 100,
  overflow_policy: 'reject',
  /** Of a task, in seconds; without `timeout_ms` it is the limit of one request too (SPEC G3). */
  task_timeout_seconds: 600,
} as const;

/** With every default filled. */
export interface QueueSettings extends Required<QueueRequest> {
  task_timeout_seconds: number;
}

/** Whose task it is: part of its order file, so that whoever works on it can tell the queue's files. */
export interface QueuePlace {
  /** Absolute. */
  state_dir: string;
  /** Workflow id of the run. */
  queue_id: string;
  /** Name of the task's folder below `tasks/`. */
  task_id: string;
}

/** A task in `queue_state.json`, a line of `tasks.jsonl` (SPEC F4). Times are ISO 8601. */
export interface QueueRow {
  task_id: string;
  task_key: string;
  task_name: string;
  /** Position in the order, from 1. */
  index: number;
  status: TaskStatus;
  /** False of what admission turned away. */
  accepted: boolean;
  prompt_summary: string;
  /** `<host>/slot-1` … `slot-4` of the attempt that runs, or ran last. */
  worker_id: string | null;
  thread_id: number | null;
  pid: number | null;
  created_at: string;
  queued_at: string | null;
  started_at: string | null;
  ended_at: string | null;
  /** From its first attempt to its end; null before. */
  elapsed_seconds: number | null;
  output_dir: string;
  task_dir: string;
  /** The image. */
  output: string | null;
  error: string | null;
  stdout: string | null;
  stderr: string | null;
  result_json: string | null;
  run_dir: string;
  queue_id: string;
  /** Tells one end of a task from the next, when it was ordered again. */
  generation_id: string;
}

export const QUEUE_EVENTS = [
  'task_accepted',
  'task_started',
  'task_rejected',
  'task_finished',
  'task_timeout_kill_start',
  'task_timeout_kill_done',
  'orphan_late_output',
] as const;
export type QueueEvent = (typeof QUEUE_EVENTS)[number];

/** What is said of a run once, when it takes the state directory. */
export interface QueueHead {
  queue_id: string;
  /** Run id of the order: another one under the same id is another run. */
  order_run_id: string;
  namespace: string;
  /** Folder of `batch_request.json` and `batch_result.json`. */
  batch_dir: string;
  started_at: string;
  max_workers: number;
  /** Null: none. */
  task_timeout_seconds: number | null;
  max_queue_size: number;
  overflow_policy: OverflowPolicy;
}

/** `orphaned` and `stuck`: counters of the old queue, always 0 (SPEC S). */
export type QueueCounters = Record<TaskStatus | 'orphaned' | 'stuck', number>;

/** `queue_state.json` (SPEC F4). */
export interface QueueState extends QueueHead {
  schema_version: number;
  updated_at: string;
  status: 'running' | 'done';
  counters: QueueCounters;
  /** By task id. */
  running: Record<string, QueueRow>;
  /** Task ids in file order. */
  queued: string[];
  /** By worker id: what each slot does now. A task between two attempts holds none. */
  workers: Record<string, QueueRow>;
  /** By task id, in file order. */
  tasks: Record<string, QueueRow>;
}

/** Every number and list of the state follows from its rows, so that none contradicts another. */
export function queueState(
  head: QueueHead & Pick<QueueState, 'schema_version' | 'status' | 'updated_at'>,
  rows: readonly QueueRow[],
): QueueState {
  const inOrder = [...rows].sort((a, b) => a.index - b.index);
  const running = inOrder.filter(({ status }) => status === 'running');
  return {
    ...head,
    counters: queueCounters(inOrder),
    running: byName(running, ({ task_id }) => task_id),
    queued: inOrder.filter(({ status }) => status === 'queued').map(({ task_id }) => task_id),
    workers: byName(running, ({ worker_id }) => worker_id),
    tasks: byName(inOrder, ({ task_id }) => task_id),
  };
}

export function queueCounters(rows: readonly Pick<QueueRow, 'status'>[]): QueueCounters {
  const counters = Object.fromEntries(
    [...TASK_STATUSES, 'orphaned', 'stuck'].map((name) => [name, 0]),
  ) as QueueCounters;
  for (const { status } of rows) counters[status] += 1;
  return counters;
}

function byName(
  rows: readonly QueueRow[],
  nameOf: (row: QueueRow) => string | null,
): Record<string, QueueRow> {
  return Object.fromEntries(
    rows.flatMap((row) => {
      const name = nameOf(row);
      return name === null ? [] : [[name, row] as const];
    }),
  );
}

const SUMMARY_CHARACTERS = 180;

/** The first characters of a prompt, on one line. */
export function promptSummary(prompt: string): string {
  const text = Array.from(prompt.replaceAll(/\s+/gu, ' ').trim());
  return text.length <= SUMMARY_CHARACTERS
    ? text.join('')
    : `${text.slice(0, SUMMARY_CHARACTERS - 1).join('')}…`;
}
