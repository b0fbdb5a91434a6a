/**
 * The time of a task (SPEC S): it begins with the first request of its generation and runs on through waits, other workers
 * and Temporal's attempts. The first request's intent in the spool holds when it ends.
 */
import { AttemptFailed } from './call-failures.ts';
import type { SpooledAttempt } from './spool.ts';

/** When the time of a task is over, milliseconds since 1970 by the server's clock; null when it has no limit. */
export interface Deadline {
  atMs: number | null;
  /** From now; without a limit endless. */
  leftMs: number;
}

export interface TaskTime {
  /** From the task's first request to its end; null: no limit. */
  taskTimeoutMs: number | null;
  /** As an attempt on another host told it: this host's spool may not know the first request. Null when none did. */
  toldDeadlineMs: number | null;
  /** Milliseconds since 1970, never behind the server that schedules attempts: announced waits are kept in its time. */
  nowMs: () => number;
}

/** With less than this left no request is begun: it could only be cut off, and might be charged. */
const SHORTEST_REQUEST_MS = 5_000;

/** Of a request that is about to be sent; the first one fixes it. */
export function deadlineNow(time: TaskTime, before: readonly SpooledAttempt[]): Deadline {
  const { taskTimeoutMs, nowMs } = time;
  const first = taskTimeoutMs === null ? null : nowMs() + taskTimeoutMs;
  const atMs = fixedDeadline(time, before) ?? first;
  return { atMs, leftMs: atMs === null ? Infinity : atMs - nowMs() };
}

/** @throws AttemptFailed `task_deadline` when there is no time for another request */
export function refuseWhenOverdue(time: TaskTime, attempts: readonly SpooledAttempt[]): void {
  const atMs = fixedDeadline(time, attempts);
  if (atMs === null) return;
  const leftMs = atMs - time.nowMs();
  if (leftMs >= SHORTEST_REQUEST_MS) return;
  const rest = leftMs > 0 ? `ends in ${Math.ceil(leftMs / 1000)} s, too soon for another request` : 'is over';
  throw new AttemptFailed({ category: 'task_deadline', message: `the time of this task ${rest}` });
}

/** Null before the first request, and without a limit. */
function fixedDeadline({ toldDeadlineMs }: TaskTime, attempts: readonly SpooledAttempt[]): number | null {
  const fixed = attempts.flatMap(({ intent }) => intent?.deadline_at ?? []).at(0);
  return fixed === undefined ? toldDeadlineMs : Date.parse(fixed);
}
