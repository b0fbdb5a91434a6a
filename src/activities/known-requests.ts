/** What is known of a task's requests, put together from the spool of this host and the task's folder (SPEC R1, R4). */
import type { SpoolEntry } from '../artifacts/spool.ts';
import type { TaskFolder } from '../artifacts/task-folder.ts';
import type { AttemptRecord } from '../domain/records.ts';
import type { AdmittedTask } from '../domain/task.ts';

export interface KnownRequests {
  task: AdmittedTask;
  folder: TaskFolder;
  entry: SpoolEntry;
  runId: string;
}

/** Ends that reached the spool but not the folder or the other way, because process or disk failed in between (SPEC R4). */
export async function catchUp({ folder, entry }: KnownRequests): Promise<void> {
  for (const { attempt, intent, end, answered } of await entry.attempts()) {
    const recorded = await folder.readAttempt(attempt);
    if (end !== null && recorded === null) await folder.writeAttempt(end);
    if (end !== null || answered || intent === null || recorded === null) continue;
    if (recorded.started_at === intent.started_at && !recorded.ok) await entry.writeEnd(recorded);
  }
}

/**
 * Of the generations that this one goes on for. What they were refused with is settled; what may have been paid counts, a
 * request that somebody aborted too (SPEC R7, R4).
 */
export async function earlierRequests({ task, folder }: KnownRequests): Promise<AttemptRecord[]> {
  const { continues = [] } = task;
  if (continues.length === 0) return [];
  return (await folder.readAttempts())
    .filter(({ generation_id }) => continues.includes(generation_id))
    .filter(({ retryable, billing }) => retryable || billing !== 'no');
}

/** Of this run and generation, which the spool of this host knows nothing of: another host sent them. */
export async function sentElsewhere({ task, folder, entry, runId }: KnownRequests): Promise<AttemptRecord[]> {
  const [recorded, spooled] = await Promise.all([folder.readAttempts(), entry.attempts()]);
  const here = new Set(spooled.map(({ attempt }) => attempt));
  return recorded
    .filter(({ generation_id, run_id }) => generation_id === task.generation_id && run_id === runId)
    .filter(({ attempt }) => !here.has(attempt));
}
