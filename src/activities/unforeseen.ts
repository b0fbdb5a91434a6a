/** What nobody foresaw never makes a paid answer useless: it is kept and judged again later (SPEC R5, R4). */
import { answeredRecord } from '../artifacts/attempt-records.ts';
import { AttemptFailed } from '../artifacts/call-failures.ts';
import { SpoolDamaged } from '../artifacts/spool.ts';
import type { TaskFolder } from '../artifacts/task-folder.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { ActivityDeps } from './deps.ts';

interface Work {
  deps: Pick<ActivityDeps, 'spool' | 'redact'>;
  task: AdmittedTask;
  folder: TaskFolder;
  temporalAttempt: number;
}

/** Longer each time: a person mends what is broken on this worker, or starts another one. */
const WAIT_MS = { step: 15_000, most: 15 * 60_000 };

/** The reason itself, or what is told instead of it when an answer is in the spool that can be judged again. */
export async function orJudgedLater(reason: unknown, work: Work): Promise<unknown> {
  if (isForeseen(reason)) return reason;
  const header = await work.deps.spool.lookForAnswer(work.task).catch(() => null);
  if (header === null) return reason;
  const delayMs = Math.min(WAIT_MS.most, WAIT_MS.step * work.temporalAttempt);
  const why = work.deps.redact((reason as Error).message.replaceAll(/\s+/gu, ' ').slice(0, 500));
  const message = `the answer is paid and kept, and could not be judged: ${why}; that is tried again, nothing is bought again`;
  const record = answeredRecord(header, { ok: false, error: message, category: 'internal' });
  // What it cost is in the spool, too.
  await work.folder.writeAttempt(record).catch(() => undefined);
  return new AttemptFailed({ category: 'internal', message, http_status: header.status }, { delayMs });
}

/** A wait, an end, a cancel, or a file that a system refused. Codes like `ERR_DLOPEN_FAILED` are Node's own. */
function isForeseen(error: unknown): boolean {
  if (error instanceof AttemptFailed || error instanceof SpoolDamaged) return true;
  const { name, code } = error as NodeJS.ErrnoException;
  return name === 'AbortError' || (code !== undefined && !code.startsWith('ERR_'));
}
