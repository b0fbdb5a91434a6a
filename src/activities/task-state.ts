import { TaskFolder } from '../artifacts/task-folder.ts';
import { type AttemptRecord, SCHEMA_VERSION, type TaskStateRecord } from '../domain/records.ts';
import type { WaitingFor } from '../domain/messages.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { ActivityDeps } from './deps.ts';
import type { GenerationProgress } from './generation-progress.ts';

/** `state.json` of a task that waits for its turn. `lastError`: why it waits once more. */
export async function writeQueued(
  { redactLong }: Pick<ActivityDeps, 'redactLong'>,
  task: AdmittedTask,
  lastError: string | null = null,
): Promise<void> {
  const now = new Date().toISOString();
  await new TaskFolder(task.run_dir, redactLong).writeState({
    schema_version: SCHEMA_VERSION,
    status: 'queued',
    task_key: task.task_key,
    attempt: 0,
    max_attempts: task.max_attempts,
    started_at: now,
    updated_at: now,
    elapsed_seconds: 0,
    output: null,
    last_error: lastError,
  });
}

interface Known {
  before: TaskStateRecord | null;
  /** Of the work under way, for a task that has no state yet. */
  startedAt: string;
  /** The request that just ended; null while one is under way, or before the first. */
  ended: AttemptRecord | null;
}

/** `state.json` of a task at work: what it waits for, and since when. */
export function runningState(
  task: AdmittedTask,
  progress: Pick<GenerationProgress, 'attempt' | 'sentAtMs' | 'waitingFor' | 'notBeforeMs'>,
  { before, startedAt, ended }: Known,
): TaskStateRecord {
  const now = new Date();
  const { attempt, sentAtMs, waitingFor, notBeforeMs } = progress;
  const planned = ended ? ended.next_attempt_at : sentAtMs === null ? before?.next_attempt_at : null;
  return {
    schema_version: SCHEMA_VERSION,
    status: 'running',
    task_key: task.task_key,
    attempt: Math.max(attempt, before?.attempt ?? 0),
    max_attempts: task.max_attempts,
    started_at: before?.started_at ?? startedAt,
    updated_at: now.toISOString(),
    elapsed_seconds: Math.round((now.getTime() - (sentAtMs ?? now.getTime())) / 1000),
    ...waitOf(waitingFor, planned ?? null, notBeforeMs),
    output: null,
    last_error: ended?.error ?? before?.last_error ?? null,
  };
}

/** Its own wait, unless the provider's with this worker is what keeps it now. */
function waitOf(
  waitingFor: WaitingFor,
  planned: string | null,
  notBeforeMs: number | null,
): Pick<TaskStateRecord, 'waiting_for' | 'next_attempt_at'> {
  if (notBeforeMs !== null)
    return { waiting_for: waitingFor, next_attempt_at: new Date(notBeforeMs).toISOString() };
  return planned === null
    ? { waiting_for: waitingFor }
    : { waiting_for: 'the next attempt', next_attempt_at: planned };
}
