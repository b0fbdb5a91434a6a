/** What every form of progress shows: one picture of an order at one moment, from one look at the server. Pure. */
import type { LiveAttempt } from '../client.ts';
import { type TimeLeft, timeLeft } from '../domain/eta.ts';
import type { AttemptHeartbeat, BatchProgress, PausedState, TaskState } from '../domain/messages.ts';
import { type BillingTally, sumBilling } from '../domain/records.ts';
import { type Tally, tally, type TaskStatus } from '../domain/status.ts';
import type { Mode } from '../domain/task.ts';
import { safe } from './output.ts';

/** One look at the server. */
export interface Snapshot {
  /** By this machine's clock. */
  atMs: number;
  progress: Pick<BatchProgress, 'phase' | 'started_at' | 'total' | 'max_workers' | 'paused' | 'warnings'>;
  tasks: TaskState[];
  /** Where more is known than the tasks tell one by one: at the end of a batch whose files are elsewhere. */
  counters?: Tally;
  live: Map<string, LiveAttempt | null>;
}

/** What the command itself knows of the order. */
export interface OrderFacts {
  kind: 'batch' | 'task';
  /** Workflow id. */
  id: string;
  total: number;
  /** `happy/gpt-image-2`, or several; empty when the command does not know. */
  models: string;
  /** The order was running already when this command came. */
  isAttached: boolean;
}

/** All texts in it are safe to print. */
export interface View {
  kind: OrderFacts['kind'];
  id: string;
  models: string;
  isAttached: boolean;
  phase: BatchProgress['phase'];
  nowMs: number;
  elapsedMs: number;
  /** Age of the look. */
  staleMs: number;
  /** Null while tasks are started. */
  paused: PausedState | null;
  total: number;
  maxWorkers: number;
  /** Ended, however. */
  done: number;
  completed: number;
  /** Ended without an image. */
  notCompleted: number;
  running: number;
  queued: number;
  counters: Tally;
  adopted: number;
  left: TimeLeft | null;
  billing: BillingTally;
  warnings: string[];
  /** In file order. */
  tasks: TaskView[];
}

export interface TaskView {
  index: number;
  key: string;
  name: string;
  mode: Mode;
  references: number;
  status: TaskStatus;
  adopted: boolean;
  /** From its start to its end, or to now; null before it starts, and of what never ran. */
  elapsedMs: number | null;
  endedAtMs: number;
  /** Null unless it runs. */
  activity: Activity | null;
  bytes: number | null;
  imagePath: string | null;
  error: string | null;
  billing: BillingTally;
}

/** What a running task does now. */
export type Activity =
  /** Nothing of it is in the lane of paid calls: before, or after. */
  | { kind: 'beside' }
  /** The attempt has begun; whether it sends, adopts or joins is not known yet. */
  | { kind: 'begun' }
  /** All slots of that lane are taken. */
  | { kind: 'slot' }
  | { kind: 'request'; attempt: number; elapsedMs: number; limitMs: number; what: RequestStage }
  /** `attempt`: number of the coming request; null when unknown. */
  | { kind: 'wait'; attempt: number | null; leftMs: number; reason: string };

export type RequestStage = 'waiting' | 'joined' | 'saving';

export function viewOf(order: OrderFacts, snapshot: Snapshot, nowMs: number): View {
  const { progress, atMs } = snapshot;
  const tasks = snapshot.tasks.map((task) => taskView(task, snapshot, nowMs));
  // Counted here: the answer to the other query may be of another moment.
  const counters = snapshot.counters ?? tally(tasks.map(({ status }) => status));
  const { completed, running, queued } = counters;
  const done = Object.values(counters).reduce((sum, count) => sum + count, 0) - running - queued;
  const total = Math.max(progress.total, order.total);
  const paused = pausedOf(progress);
  const pace = {
    durationsMs: snapshot.tasks.flatMap(paceOf),
    left: running + queued,
    maxWorkers: progress.max_workers,
  };
  return {
    kind: order.kind,
    id: safe(order.id),
    models: safe(order.models),
    isAttached: order.isAttached,
    phase: progress.phase,
    nowMs,
    elapsedMs: Math.max(0, nowMs - Date.parse(progress.started_at)),
    staleMs: nowMs - atMs,
    paused,
    total,
    maxWorkers: progress.max_workers,
    done,
    completed,
    notCompleted: done - completed,
    running,
    queued,
    counters,
    adopted: tasks.filter(({ adopted }) => adopted).length,
    // Nobody knows when a person lets it go on.
    left: paused === null ? timeLeft(pace) : null,
    billing: sumBilling(tasks.map(({ billing }) => billing)),
    warnings: progress.warnings.map(safe),
    tasks,
  };
}

/** A batch that has nothing left to start is not held up by it. */
function pausedOf({ paused, phase }: Snapshot['progress']): PausedState | null {
  if (paused === null || phase === 'done') return null;
  return { ...paused, reason: paused.reason === null ? null : safe(paused.reason) };
}

function taskView(task: TaskState, { live, atMs }: Snapshot, nowMs: number): TaskView {
  const { index, mode, references, status, adopted, bytes, billing, started_at, ended_at } = task;
  const isRunning = status === 'running';
  const endMs = ended_at === null ? nowMs : Date.parse(ended_at);
  return {
    index,
    key: safe(task.task_key),
    name: safe(task.task_name),
    mode,
    references,
    status,
    adopted,
    elapsedMs: started_at === null ? null : Math.max(0, endMs - Date.parse(started_at)),
    endedAtMs: ended_at === null ? 0 : endMs,
    activity: isRunning ? activityOf(live.get(task.task_key) ?? null, atMs, nowMs) : null,
    bytes,
    imagePath: task.image_path === null ? null : safe(task.image_path),
    error: task.error === null ? null : safe(task.error),
    billing,
  };
}

function activityOf(live: LiveAttempt | null, atMs: number, nowMs: number): Activity {
  if (live === null) return { kind: 'beside' };
  switch (live.state) {
    case 'queued':
      return { kind: 'slot' };
    case 'waiting':
      return {
        kind: 'wait',
        attempt: live.heartbeat === null ? null : live.heartbeat.attempt + 1,
        leftMs: Math.max(0, (live.nextAttemptAtMs ?? nowMs) - nowMs),
        reason: safe(live.lastFailure ?? 'no reason given'),
      };
    case 'running':
      return requestOf(live, atMs, nowMs);
  }
}

/** A heartbeat is at most this old while the worker lives; a larger age is another clock's. */
const HEARTBEAT_AGE_MS = 15_000;

function requestOf({ heartbeat, heartbeatAtMs }: LiveAttempt, atMs: number, nowMs: number): Activity {
  if (heartbeat === null || isBeforeRequest(heartbeat)) return { kind: 'begun' };
  if (heartbeat.waiting_for === 'the provider') return waitForProvider(heartbeat, nowMs);
  const ageMs = Math.min(HEARTBEAT_AGE_MS, Math.max(0, atMs - (heartbeatAtMs ?? atMs)));
  const stages = {
    'a call of the same generation': 'joined',
    'the spool': 'waiting',
    'the image': 'waiting',
    'the disk': 'saving',
    'a disk that refuses': 'saving',
    'the link': 'saving',
    'the mock': 'waiting',
    'the provider': 'waiting',
    'the next attempt': 'waiting',
  } as const;
  return {
    kind: 'request',
    attempt: Math.max(1, heartbeat.attempt),
    elapsedMs: heartbeat.elapsed_seconds * 1000 + ageMs + (nowMs - atMs),
    limitMs: heartbeat.limit_seconds * 1000,
    what: stages[heartbeat.waiting_for],
  };
}

function waitForProvider({ attempt, next_attempt_at, now }: AttemptHeartbeat, nowMs: number): Activity {
  const leftMs = next_attempt_at === null ? 0 : Math.max(0, Date.parse(next_attempt_at) - nowMs);
  return { kind: 'wait', attempt: attempt + 1, leftMs, reason: safe(now) };
}

/** Also the last word of the attempt before, until this one has told something. */
function isBeforeRequest({ sent, waiting_for }: AttemptHeartbeat): boolean {
  return waiting_for === 'the next attempt' || (!sent && waiting_for === 'the spool');
}

/** Tasks that this batch ran to an end of their own tell how long the others take; a person's cancel tells nothing. */
function paceOf({ status, adopted, started_at, ended_at }: TaskState): number[] {
  const ran = status === 'completed' || status === 'failed' || status === 'timed_out';
  if (!ran || adopted || started_at === null || ended_at === null) return [];
  return [Date.parse(ended_at) - Date.parse(started_at)];
}
