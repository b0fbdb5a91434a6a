/** Follow a batch to its end: what `batch`, `watch` and `retry` do when they wait (SPEC C3, C4). */
import type { BatchHandle } from '../client.ts';
import { endedBatch, tellEnded, tellLetGo } from './batch-end.ts';
import type { Signals } from './detached.ts';
import type { ExitCode } from './exit-codes.ts';
import type { WaitFlags } from './flags.ts';
import { batchLooks } from './looks.ts';
import type { Progress } from './progress.ts';
import type { OrderFacts } from './progress-view.ts';
import type { Session } from './session.ts';
import { tellStandstill } from './standstill.ts';
import { watchUntilEnd } from './watch.ts';

export interface Following {
  progress: Progress;
  signals: Pick<Signals, 'letGo'>;
  /** The same order ended before: then results were to be adopted. */
  ranBefore: boolean;
  /** It had ended before anybody looked: there is nothing to see but its end. */
  isOver?: boolean;
}

export async function followBatch(
  session: Session,
  order: OrderFacts,
  { progress, signals, ranBefore, isOver = false }: Following,
  flags: Pick<WaitFlags, 'waitTimeout' | 'json'>,
): Promise<ExitCode> {
  const handle: BatchHandle = session.client.workflow.getHandle(order.id);
  const looks = batchLooks(session.client, handle, order, progress);
  const look = isOver ? async () => null : looks.look;
  const ending = await watchUntilEnd(handle, { session, flags, look, letGo: signals.letGo });
  const told = () => ({ batchId: order.id, ranBefore, view: looks.lastView() });
  if (ending.kind === 'detached' || ending.kind === 'wait timeout') {
    progress.end(true);
    return tellLetGo(ending, told(), flags);
  }
  if (ending.kind === 'standstill') {
    progress.end(true);
    return tellStandstill(ending, {
      id: order.id,
      order: { batch_id: order.id },
      json: flags.json,
      view: looks.lastView(),
    });
  }
  const ended = await endedBatch(ending, session, order.id);
  looks.end(ended);
  progress.end(true);
  return tellEnded(ended, session, told(), flags);
}
