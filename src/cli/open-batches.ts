/** The open batches of `imgproof status`: how far each is, how long it will still take (SPEC H5). */
import type { OpenBatch } from '../client.ts';
import { mapLimited } from '../proof/map-limited.ts';
import { batchStanding } from './looks.ts';
import { safe } from './output.ts';
import { type Line, plain, styled } from './paint.ts';
import { type View, viewOf } from './progress-view.ts';
import type { Session } from './session.ts';
import { tableLines } from './table.ts';
import { type Look, symbolsOf } from './terminal.ts';
import { timeLeftText } from './words.ts';

/** Null throughout while no worker answers. */
export interface StandingBatch extends OpenBatch {
  state: 'running' | 'paused';
  total: number | null;
  done: number | null;
  /** What is left takes from … to …; null while nobody can say. */
  eta_seconds: { from: number; to: number } | null;
}

export interface Standing {
  batch: OpenBatch;
  view: View | null;
}

/** Questions to the server at the same time. */
const ASKED_AT_ONCE = 8;

export function standingsOf({ client }: Session, batches: readonly OpenBatch[]): Promise<Standing[]> {
  return mapLimited(batches, ASKED_AT_ONCE, async (batch) => {
    const { batch_id: id, run_id } = batch;
    const snapshot = await batchStanding(client, client.workflow.getHandle(id, run_id));
    const order = { kind: 'batch', id, total: 0, models: '', isAttached: true } as const;
    return { batch, view: snapshot === null ? null : viewOf(order, snapshot, Date.now()) };
  });
}

export function standingBatch({ batch, view }: Standing): StandingBatch {
  const left = view?.left ?? null;
  return {
    ...batch,
    state: stateOf(view),
    total: view?.total ?? null,
    done: view?.done ?? null,
    eta_seconds: left && { from: Math.floor(left.fromMs / 1000), to: Math.ceil(left.toMs / 1000) },
  };
}

export function standingLines(standings: readonly Standing[], look: Look): Line[] {
  const { to } = symbolsOf(look);
  const rows = standings.map(({ batch, view }) => ({
    cells: [
      plain(safe(batch.batch_id)),
      styled(stateOf(view) === 'paused' ? 'yellow' : 'cyan', stateOf(view)),
      plain(view === null ? '' : `${view.done}/${view.total}`),
      plain(view === null ? '' : String(view.notCompleted)),
      plain(view === null || view.left === null ? '' : timeLeftText(view.left, to)),
      plain(`${batch.started_at.slice(0, 16).replace('T', ' ')} UTC`),
    ],
    ...(view?.paused?.reason == null ? {} : { note: view.paused.reason }),
  }));
  return tableLines({ head: ['BATCH', 'STATE', 'DONE', 'FAIL', 'ETA', 'SINCE'], rows, note: 'REASON' }, look);
}

function stateOf(view: View | null): StandingBatch['state'] {
  return view === null || view.paused === null ? 'running' : 'paused';
}
