/**
 * A batch that goes on only when somebody has mended something (SPEC R7, C3): whoever waits for it is told what, and how it
 * goes on then.
 */
import type { BatchProgress, PausedBy, PausedState } from '../domain/messages.ts';
import { goOn, stopIt, watchAgain } from './come-back.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { printJson, safe, say } from './output.ts';
import type { View } from './progress-view.ts';

/** What a look at a batch may find. */
export interface Standstill {
  kind: 'standstill';
  paused: PausedState;
}

interface WayOut {
  exitCode: ExitCode;
  /** What has to happen first, in as many letters as its neighbours. */
  when: string;
  /** Of `resume`. */
  flags: string;
}

/** Null: waiting goes on, for a person who paused it lets it go on. */
const WAYS_OUT: Record<PausedBy, WayOut | null> = {
  person: null,
  provider_down: { exitCode: EXIT.credentials, when: 'When it is mended:', flags: '' },
  cost_cap: { exitCode: EXIT.costCap, when: 'With a higher cap:', flags: ' --max-cost <sum>' },
};

/** Null while anything is under way: what was sent is waited for. */
export function standstillOf(progress: Pick<BatchProgress, 'paused' | 'idle'> | null): Standstill | null {
  const paused = progress?.paused ?? null;
  if (paused === null || !progress?.idle || WAYS_OUT[paused.by] === null) return null;
  return { kind: 'standstill', paused };
}

/** `order`: what the JSON says of the batch or queue run `id` besides, its id by the name it has there. */
export function tellStandstill(
  { paused }: Standstill,
  { id, order, json, view }: { id: string; order: object; json: boolean | undefined; view: View | null },
): ExitCode {
  const way = WAYS_OUT[paused.by];
  const exitCode = way?.exitCode ?? EXIT.incomplete;
  const reason = paused.reason ?? 'paused';
  say(standstillText(id, { reason, way }, view));
  if (json) {
    const seen = { counters: view?.counters ?? null, cost: view?.billing ?? null };
    printJson({ ok: false, ...order, paused, ...seen, exit_code: exitCode, reason });
  }
  return exitCode;
}

function standstillText(
  batchId: string,
  { reason, way }: { reason: string; way: WayOut | null },
  view: View | null,
): string {
  const argv = process.argv.slice(2);
  const counts = view === null ? [] : [`${view.completed} completed, ${view.queued} waiting`];
  return [
    `"${safe(batchId)}" is paused: ${safe(reason)}`,
    `   ${[...counts, 'nothing further is sent until it goes on'].join('; ')}`,
    `   Stop it:           ${safe(stopIt(argv, batchId))}`,
    `   ${way?.when ?? 'Go on:'} ${safe(goOn(argv, batchId))}${way?.flags ?? ''} && ${safe(watchAgain(argv, batchId))}`,
  ].join('\n');
}
