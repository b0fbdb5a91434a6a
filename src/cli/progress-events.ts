/**
 * Progress for programs: JSON lines on standard error (`--progress rawjson`). Names and meanings are interface, described
 * in `docs/progress.md`; fields may be added, none renamed without a new `schema_version`.
 */
import type { PausedState } from '../domain/messages.ts';
import type { TaskStatus, Tally } from '../domain/status.ts';
import type { BillingTally } from '../domain/records.ts';
import type { Mode } from '../domain/task.ts';
import { News } from './progress-news.ts';
import type { TaskView, View } from './progress-view.ts';

export const EVENT_SCHEMA_VERSION = 1;

export type ProgressEvent = { schema_version: number; time: string } & (
  | MessageEvent
  | CountsEvent
  | TaskEvent
);

/** Text for a person: warnings, errors, how to come back. */
interface MessageEvent {
  event: 'message';
  text: string;
}

/** Where the order stands; sent when one of its counts changed, and every 15 s. */
interface CountsEvent {
  event: 'progress';
  /** Workflow id. */
  id: string;
  done: number;
  total: number;
  counters: Tally;
  adopted: number;
  /** Since when no further task is started, and why; null while they are. */
  paused: PausedState | null;
  elapsed_seconds: number;
  /** Null while fewer than 3 tasks have ended by themselves. */
  eta_seconds: { from: number; to: number } | null;
  billing: BillingTally;
}

/** One task changed. */
interface TaskEvent {
  event: 'task';
  id: string;
  index: number;
  task_key: string;
  task_name: string;
  mode: Mode;
  status: TaskStatus;
  /** `request`: under way. `wait`: the next one comes at `next_attempt_at`. `slot`: no slot of the lane is free. Null else. */
  activity: 'request' | 'wait' | 'slot' | null;
  /** Number of the request under way or to come. */
  attempt: number | null;
  limit_seconds: number | null;
  next_attempt_at: string | null;
  reason: string | null;
  /** Since the task's start; of a request, since it was sent. */
  elapsed_seconds: number | null;
  image_path: string | null;
  bytes: number | null;
  billing: BillingTally;
  error: string | null;
}

const REPEAT_MS = 15_000;

export class ProgressEvents {
  readonly #news = new News({ firstRequest: true });
  #counts = '';
  #toldAtMs = 0;

  of(view: View): ProgressEvent[] {
    const head = headOf(view.nowMs);
    const tasks = this.#news.of(view).map((task) => ({ ...head, ...taskEvent(task, view) }));
    return [...tasks, ...this.#countsDue(view).map((counts) => ({ ...head, ...counts }))];
  }

  #countsDue(view: View): CountsEvent[] {
    const event = countsEvent(view);
    const { elapsed_seconds: _, eta_seconds: __, ...counted } = event;
    const counts = JSON.stringify(counted);
    if (counts === this.#counts && view.nowMs - this.#toldAtMs < REPEAT_MS) return [];
    this.#counts = counts;
    this.#toldAtMs = view.nowMs;
    return [event];
  }
}

export function messageEvent(text: string, nowMs: number): ProgressEvent {
  return { ...headOf(nowMs), event: 'message', text };
}

function headOf(nowMs: number) {
  return { schema_version: EVENT_SCHEMA_VERSION, time: new Date(nowMs).toISOString() };
}

function countsEvent(view: View): CountsEvent {
  const { id, done, total, counters, adopted, paused, elapsedMs, left, billing } = view;
  return {
    event: 'progress',
    id,
    done,
    total,
    counters,
    adopted,
    paused,
    elapsed_seconds: seconds(elapsedMs),
    eta_seconds: left === null ? null : { from: seconds(left.fromMs), to: seconds(left.toMs) },
    billing,
  };
}

function taskEvent(task: TaskView, { id, nowMs }: View): TaskEvent {
  const { index, key, name, mode, status, activity, elapsedMs, imagePath, bytes, billing, error } = task;
  const request = activity?.kind === 'request' ? activity : null;
  const wait = activity?.kind === 'wait' ? activity : null;
  return {
    event: 'task',
    id,
    index,
    task_key: key,
    task_name: name,
    mode,
    status,
    activity:
      activity === null || activity.kind === 'beside' || activity.kind === 'begun' ? null : activity.kind,
    attempt: request?.attempt ?? wait?.attempt ?? null,
    limit_seconds: request === null ? null : seconds(request.limitMs),
    next_attempt_at: wait === null ? null : new Date(nowMs + wait.leftMs).toISOString(),
    reason: wait?.reason ?? null,
    elapsed_seconds:
      request !== null ? seconds(request.elapsedMs) : elapsedMs === null ? null : seconds(elapsedMs),
    image_path: imagePath,
    bytes,
    billing,
    error,
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
