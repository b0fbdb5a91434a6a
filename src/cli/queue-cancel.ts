/** `imgproof queue cancel` as it runs (SPEC F11): what has ended is told from the files, the rest asked of the run. */
import { cancelAll, cancelTask, OperationRefused } from '../client/operations.ts';
import type { CancelAnswer } from '../domain/messages.ts';
import type { QueueRow, QueueState } from '../domain/queue.ts';
import { hasEnded, type TaskStatus } from '../domain/status.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';
import { withMessages } from './message-session.ts';
import { printJson } from './output.ts';
import { findQueueRow } from './queue-rows.ts';
import { stateDirOf, stateIn } from './queue-read.ts';

export interface QueueCancelFlags extends ServerFlags {
  all?: boolean;
  now?: boolean;
  stateDir?: string;
}

export async function queueCancel(named: string | undefined, flags: QueueCancelFlags): Promise<ExitCode> {
  if ((named === undefined) === (flags.all !== true))
    throw new CommandProblem(
      EXIT.usage,
      'queue cancel needs either a task or --all, and not both. Nothing was cancelled.',
    );
  const stateDir = stateDirOf(flags);
  const state = await stateIn(stateDir);
  if (named === undefined) return cancelRun(state, stateDir, flags);
  const row = findQueueRow(Object.values(state?.tasks ?? {}), named);
  if (row === null || state === null) {
    printJson({ ok: false, error: 'task not found', task: named, state_dir: stateDir });
    return EXIT.incomplete;
  }
  return hasEnded(row.status)
    ? tooLate(row.status, `task "${row.task_id}" has ended already: ${row.status}`)
    : cancelOne(state, row, flags);
}

async function cancelOne(
  { queue_id }: QueueState,
  row: QueueRow,
  { now = false, ...flags }: QueueCancelFlags,
): Promise<ExitCode> {
  const { task_id, task_key, status } = row;
  return unlessRefused(status, async () => {
    const answer = await withMessages(flags, ({ client }) =>
      cancelTask(client, queue_id, { task: task_key, now }),
    );
    const isDropped = answer.cancelled.length > 0;
    printJson({
      ok: true,
      cancelled: task_id,
      task_key,
      status: isDropped ? 'cancelled' : 'running',
      ...(isDropped ? {} : { note: now ? ABORTING : FINISHING }),
    });
  });
}

const FINISHING = 'a request that was sent may still bring its image; --now aborts it';
const ABORTING = 'its request is being aborted, and may be charged all the same';

async function cancelRun(
  state: QueueState | null,
  stateDir: string,
  { now = false, ...flags }: QueueCancelFlags,
): Promise<ExitCode> {
  if (state === null) {
    printJson({ ok: false, error: 'no queue run found', state_dir: stateDir });
    return EXIT.incomplete;
  }
  const { queue_id, status } = state;
  if (status === 'done') return tooLate(status, `the queue run "${queue_id}" has ended already`);
  return unlessRefused(status, async () => {
    const answer = await withMessages(flags, ({ client }) => cancelAll(client, queue_id, { now }));
    printJson({ ok: true, queue_id, ...byTaskId(answer, state), status: 'cancelled' });
  });
}

/** The run answers with keys; these commands speak of ids. */
function byTaskId(answer: CancelAnswer, { tasks }: QueueState): CancelAnswer {
  const ids = new Map(
    Object.values(tasks)
      .filter(({ accepted }) => accepted)
      .map(({ task_key, task_id }) => [task_key, task_id]),
  );
  const named = (keys: readonly string[]) => keys.map((key) => ids.get(key) ?? key);
  const { cancelled, finishing, aborting } = answer;
  return { cancelled: named(cancelled), finishing: named(finishing), aborting: named(aborting) };
}

/** The run ended meanwhile, or its server knows it no more. */
async function unlessRefused(
  status: TaskStatus | QueueState['status'],
  cancel: () => Promise<void>,
): Promise<ExitCode> {
  try {
    await cancel();
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof OperationRefused) || error.kind === 'not served') throw error;
    return tooLate(error.status ?? status, error.message);
  }
}

function tooLate(status: string, error: string): ExitCode {
  printJson({ ok: false, status, error });
  return EXIT.usage;
}
