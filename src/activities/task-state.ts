import { TaskFolder } from '../artifacts/task-folder.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { ActivityDeps } from './deps.ts';

/** `state.json` of a task that waits for its turn. */
export async function writeQueued(
  { redactLong }: Pick<ActivityDeps, 'redactLong'>,
  task: AdmittedTask,
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
    last_error: null,
  });
}
