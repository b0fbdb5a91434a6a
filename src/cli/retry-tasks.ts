/** `imgproof retry` as it runs: order once more what ended without an image, and follow (SPEC B7). */
import { orderRetry, type RetryOrdered } from '../client/retry.ts';
import type { RetrySelection } from '../domain/messages.ts';
import { tasksToRetry } from '../domain/task-selection.ts';
import { listenForSignals, type Signals } from './detached.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import type { ServerFlags, WaitFlags } from './flags.ts';
import { followBatch } from './follow-batch.ts';
import { note, print, printJson, safe, warn } from './output.ts';
import { openProgress, type Progress } from './progress.ts';
import { openSession, type Session, settingsOf, webUiLink } from './session.ts';
import { findBatch } from './target.ts';
import { type ListedTask, tasksOfBatch } from './task-rows.ts';
import { counted } from './words.ts';

export interface RetryFlags extends WaitFlags, ServerFlags {
  failed?: boolean;
  timedOut?: boolean;
}

export async function retry(named: string, tasks: readonly string[], flags: RetryFlags): Promise<void> {
  const progress = await openProgress(flags.progress);
  const signals = listenForSignals();
  const session = await openSession(settingsOf(), flags);
  try {
    process.exitCode = await retryIn(session, named, selectionOf(tasks, flags), { progress, signals }, flags);
  } finally {
    signals.ignore();
    progress.end(true);
    await session.close();
  }
}

function selectionOf(tasks: readonly string[], { failed, timedOut }: RetryFlags): RetrySelection {
  return {
    ...(failed ? { failed } : {}),
    ...(timedOut ? { timed_out: timedOut } : {}),
    ...(tasks.length > 0 ? { tasks: [...tasks] } : {}),
  };
}

async function retryIn(
  session: Session,
  named: string,
  selection: RetrySelection,
  how: { progress: Progress; signals: Signals },
  flags: RetryFlags,
): Promise<ExitCode> {
  const { id, run } = await findBatch(session, named);
  const chosen = chosenOf(await tasksOfBatch(session, run), selection);
  if (chosen?.length === 0) return tellNothing(id, flags);
  if (chosen !== null) warnOfMoney(chosen);
  how.signals.ordering();
  const ordered = await orderRetry(session.client, id, selection);
  if (ordered.by === 'update' && ordered.retried.length === 0) return tellNothing(id, flags);
  const count = ordered.by === 'update' ? ordered.retried.length : (chosen?.length ?? null);
  note(
    `${safe(id)}  ${count === null ? 'tasks are' : `${counted(count, 'task')} ${count === 1 ? 'is' : 'are'}`} ordered once more`,
  );
  if (!flags.wait) return tellOrdered(session, id, ordered, chosen, flags);
  const order = { kind: 'batch', id, total: 0, models: '', isAttached: false } as const;
  return followBatch(session, order, { ...how, ranBefore: false }, flags);
}

/** Null when nobody here can tell; then the worker decides alone. @throws CommandProblem exit 2 */
function chosenOf(tasks: readonly ListedTask[] | null, selection: RetrySelection): ListedTask[] | null {
  if (tasks === null) return null;
  const chosen = tasksToRetry(tasks, selection);
  if ('problem' in chosen)
    throw new CommandProblem(EXIT.usage, `${safe(chosen.problem)}. Nothing was ordered.`);
  return chosen.tasks;
}

/** Whoever orders once more what may have been charged shall know it before (`reference/ux.md` 5.4). */
function warnOfMoney(chosen: readonly ListedTask[]): void {
  const doubtful = chosen.filter(({ billing }) => billing.possible > 0);
  if (doubtful.length === 0) return;
  const names = doubtful.slice(0, 5).map(({ task_name }) => task_name);
  const more = doubtful.length > names.length ? ' …' : '';
  warn(
    `${counted(doubtful.length, 'task')} may have been charged already (${names.join(', ')}${more}): ` +
      'the provider may have finished what it did not deliver; its call log knows',
  );
}

function tellNothing(id: string, { json }: RetryFlags): ExitCode {
  const reason = 'nothing to retry';
  if (json) printJson({ ok: true, batch_id: id, retried: [], exit_code: EXIT.ok, reason });
  else print(`${safe(id)}  ${reason}: no task of it ended so`);
  return EXIT.ok;
}

function tellOrdered(
  session: Session,
  id: string,
  ordered: RetryOrdered,
  chosen: readonly ListedTask[] | null,
  { json }: RetryFlags,
): ExitCode {
  const retried =
    ordered.by === 'update' ? ordered.retried : (chosen?.map(({ task_key }) => task_key) ?? null);
  if (json) {
    const web_ui = webUiLink(session, id);
    printJson({
      ok: true,
      batch_id: id,
      by: ordered.by,
      retried,
      web_ui,
      exit_code: EXIT.ok,
      reason: 'ordered',
    });
  } else print(id);
  return EXIT.ok;
}
