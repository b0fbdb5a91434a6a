import { type Line, styled } from './paint.ts';
import type { Look, Symbols } from './terminal.ts';

/** How much of the whole is done: a third of the terminal, 10 to 30 columns; empty when there is nothing to do. */
export function barOf(
  { done, total }: { done: number; total: number },
  { columns }: Pick<Look, 'columns'>,
  symbols: Symbols,
): Line {
  const width = Math.min(30, Math.max(10, Math.floor(columns / 3)));
  const full = total === 0 ? 0 : Math.floor((done / total) * width);
  return [styled('green', symbols.full.repeat(full)), styled('dim', symbols.empty.repeat(width - full))];
}
