/** While many files are verified: one line in place on a terminal, nothing elsewhere; gone when it is over. */
import { createLogUpdate } from 'log-update';
import type { Tally } from '../proof/tally.ts';
import { barOf } from './bar.ts';
import { flow } from './layout.ts';
import { type Line, paint, plain, styled } from './paint.ts';
import { canMove, type Look, lookOf, prefersPlain, symbolsOf } from './terminal.ts';
import { durationText } from './words.ts';

const DRAW_MS = 250;
/** What is over sooner needs no picture. */
const QUIET_MS = 1_000;

/** Drawn on standard error from a second on, until the returned function is called. The cursor is never hidden. */
export function showTally(tally: Tally): () => void {
  const stream = process.stderr;
  if (!canMove(stream) || prefersPlain()) return () => undefined;
  const startedAtMs = Date.now();
  const draw = createLogUpdate(stream, { showCursor: true });
  const timer = setInterval(() => {
    const elapsedMs = Date.now() - startedAtMs;
    if (elapsedMs < QUIET_MS) return;
    const look = lookOf(stream);
    const lines = tallyLines(tally, elapsedMs, look);
    draw(lines.map((line) => paint(line, look.colour)).join('\n'));
  }, DRAW_MS).unref();
  return () => {
    clearInterval(timer);
    draw.clear();
  };
}

/** The whole is what was found so far: with several batches it grows. */
export function tallyLines(
  { found, done, notProven }: Pick<Tally, 'found' | 'done' | 'notProven'>,
  elapsedMs: number,
  look: Look,
): Line[] {
  const symbols = symbolsOf(look);
  const groups: Line[] = [
    [...barOf({ done, total: found }, look, symbols), plain(`  ${done}/${found}`)],
    [
      styled('green', `${symbols.done} ${done - notProven}`),
      styled(notProven > 0 ? 'red' : 'dim', `  ${symbols.failed} ${notProven}`),
    ],
    [plain(durationText(elapsedMs))],
  ];
  return flow([[plain('verifying')], ...groups], look.columns, '   ');
}
