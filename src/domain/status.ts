/** SPEC S. Every status a task can show. */
export const TASK_STATUSES = [
  'queued',
  'running',
  'completed',
  'failed',
  'timed_out',
  'rejected',
  'discarded',
  'skipped',
  'orphan_late_output',
  'cancelled',
] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** Statuses a task never leaves. */
export type EndStatus = Exclude<TaskStatus, 'queued' | 'running'>;

export function hasEnded(status: TaskStatus): status is EndStatus {
  return status !== 'queued' && status !== 'running';
}

export type Tally = Record<TaskStatus, number>;

export function tally(statuses: Iterable<TaskStatus>): Tally {
  const counts = Object.fromEntries(TASK_STATUSES.map((status) => [status, 0])) as Tally;
  for (const status of statuses) counts[status] += 1;
  return counts;
}

/** SPEC S: true only when every task is completed. */
export function allCompleted(statuses: readonly TaskStatus[]): boolean {
  return statuses.length > 0 && statuses.every((status) => status === 'completed');
}
