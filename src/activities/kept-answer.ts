/**
 * What the spool of this host knows of a task's requests and its folder does not: ends that were not written there, and an
 * answer that nobody made an image of, because the task ended first. Such an answer is paid: it is listed so (SPEC R4), and
 * a retry or a reset gets it instead of another call (SPEC R5).
 */
import { answeredRecord } from '../artifacts/attempt-records.ts';
import type { AnswerHeader, Spool, SpooledAttempt } from '../artifacts/spool.ts';
import type { TaskFolder } from '../artifacts/task-folder.ts';
import type { FailureCategory } from '../domain/failure.ts';
import type { AttemptRecord } from '../domain/records.ts';
import type { AdmittedTask } from '../domain/task.ts';

const KEPT =
  'the task ended before this answer was made an image; it is paid and kept: a retry of its batch, or a reset of the task, makes the image without another request; a new order would buy one';

/** Before anything is said of a task's requests. Who works on them now writes over it. */
export async function recordSpooled(
  spool: Spool,
  folder: TaskFolder,
  task: AdmittedTask,
): Promise<SpooledAttempt[]> {
  const spooled = await spool.look(task);
  for (const { attempt, end, answered } of spooled) {
    if ((end === null && !answered) || (await folder.hasResult(attempt))) continue;
    const record = end ?? keptRecord(await spool.lookForAnswer(task), attempt);
    if (record !== null) await folder.writeAttempt(record);
  }
  return spooled;
}

function keptRecord(header: AnswerHeader | null, attempt: number): AttemptRecord | null {
  if (header?.attempt !== attempt) return null;
  const verdict = { ok: false, error: KEPT, category: 'cancelled' } as const;
  return answeredRecord(header, verdict);
}

/** An answer with such an end was kept and never found to be no image. */
const NOT_JUDGED: ReadonlySet<FailureCategory | null> = new Set(['cancelled', 'internal']);

/** True when the task's generation has an answer that was not found to be no image. */
export async function hasKeptAnswer(spool: Spool, folder: TaskFolder, task: AdmittedTask): Promise<boolean> {
  const header = await spool.lookForAnswer(task);
  if (header === null) return false;
  const record = await folder.readAttempt(header.attempt);
  return record === null || record.ok || NOT_JUDGED.has(record.category);
}
