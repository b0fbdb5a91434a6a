/** `imgproof watch` as it runs: back to an order, from any terminal (SPEC C4, C5). */
import { listOrders } from '../client/orders.ts';
import { listenForSignals, type Signals } from './detached.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import type { ServerFlags, WaitFlags } from './flags.ts';
import { followBatch } from './follow-batch.ts';
import { followTask } from './follow-task.ts';
import { note, safe } from './output.ts';
import { openProgress, type Progress } from './progress.ts';
import { openSession, type Session, settingsOf } from './session.ts';
import { findTarget, type Target } from './target.ts';

export type WatchFlags = Omit<WaitFlags, 'wait'> & ServerFlags;

export async function watchOrder(named: string | undefined, flags: WatchFlags): Promise<void> {
  const progress = await openProgress(flags.progress);
  const signals = listenForSignals();
  const session = await openSession(settingsOf(), flags, { orders: false });
  signals.ordering();
  try {
    const target = await findTarget(session, named ?? (await theOnlyOne(session)));
    process.exitCode = await follow(session, target, { progress, signals }, flags);
  } finally {
    signals.ignore();
    progress.end(true);
    await session.close();
  }
}

function follow(
  session: Session,
  target: Target,
  how: { progress: Progress; signals: Signals },
  flags: WatchFlags,
): Promise<ExitCode> {
  const order = { kind: 'batch', total: 0, models: '', isAttached: true } as const;
  if (target.kind === 'batch') {
    const isOver = target.run.status.name !== 'RUNNING';
    return followBatch(session, { ...order, id: target.id }, { ...how, ranBefore: false, isOver }, flags);
  }
  const { run, key, batchId } = target;
  if (run !== null) return followTask(session, run, how, flags);
  note(`"${safe(key)}" waits in its batch; watching that`);
  return followBatch(session, { ...order, id: batchId ?? key }, { ...how, ranBefore: false }, flags);
}

/** More are not listed. */
const LISTED = 20;

/** A batch, or a task without one. @throws CommandProblem exit 2 with what there is to choose from */
async function theOnlyOne({ client }: Session): Promise<string> {
  const running = { only: 'running', limit: LISTED } as const;
  const batches = await listOrders(client, { kind: 'batch', ...running });
  const tasks = await listOrders(client, { kind: 'task', ...running });
  const orders = [...batches, ...tasks.filter(({ batch_id }) => batch_id === null)];
  const [only] = orders;
  if (only === undefined)
    throw new CommandProblem(EXIT.usage, 'nothing runs now; `imgproof list` shows what has ended');
  if (orders.length === 1) return only.id;
  const lines = orders.map(({ id, kind, state }) => `  ${safe(id)}  ${kind}, ${state}`).join('\n');
  throw new CommandProblem(
    EXIT.usage,
    `${orders.length} orders run; say which one to watch:\n${lines}`,
    orders,
  );
}
