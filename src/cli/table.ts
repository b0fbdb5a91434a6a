/** Rows under a head, as wide as what is in them and never wider than the terminal. Pure. */
import stringWidth from 'string-width';
import { cut, fit, padEnd } from './layout.ts';
import { type Line, type Piece, styled } from './paint.ts';
import { type Look, symbolsOf } from './terminal.ts';

/** The first column is a name: on a terminal it gives way to the others. */
const NAME_SHARE = 0.4;
const GAP = '  ';

/** Empty columns are left out. The last column is cut where the terminal ends. */
export function tableLines(head: readonly string[], rows: readonly Piece[][], look: Look): Line[] {
  const { more } = symbolsOf(look);
  const used = head.map((_, i) => i).filter((i) => i === 0 || rows.some((row) => row[i]?.text));
  const nameLimit = Math.max(8, Math.floor(look.columns * NAME_SHARE));
  const widths = used.map((i) => {
    const widest = Math.max(
      ...[head, ...rows.map((row) => row.map(({ text }) => text))].map((row) => stringWidth(row[i] ?? '')),
    );
    return i === 0 ? Math.min(widest, nameLimit) : widest;
  });
  const line = (row: readonly Piece[]): Line =>
    used.flatMap((i, at) => {
      const piece = row[i] ?? { text: '' };
      const width = widths[at] ?? 0;
      const text = i === 0 ? cut(piece.text, width, more) : piece.text;
      const isLast = at === used.length - 1;
      return [{ ...piece, text: isLast ? text : padEnd(text, width) + GAP }];
    });
  return [head.map((title) => styled('dim', title)), ...rows].map((row) =>
    fit(line(row), look.columns, more),
  );
}
