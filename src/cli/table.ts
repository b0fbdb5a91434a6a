/** Rows under a head, as wide as what is in them and never wider than the terminal. Pure. */
import stringWidth from 'string-width';
import { cut, fit, padEnd, wrap } from './layout.ts';
import { type Line, type Piece, plain, styled } from './paint.ts';
import { type Look, symbolsOf } from './terminal.ts';

export interface Table {
  head: readonly string[];
  rows: readonly TableRow[];
  /** Head of the notes. */
  note?: string;
}

export interface TableRow {
  cells: readonly Piece[];
  /** Free text: a last column where there is room for all of it, else lines of their own. */
  note?: string;
}

/** The first column is a name: on a terminal it gives way to the others, down to so many columns. */
const NAME_COLUMNS = 12;
const GAP = '  ';
const HANGING = '    ';

/** Columns without anything in them are left out. */
export function tableLines({ head, rows, note = '' }: Table, look: Look): Line[] {
  const { more } = symbolsOf(look);
  const used = head.map((_, i) => i).filter((i) => i === 0 || rows.some(({ cells }) => cells[i]?.text));
  const widths = used.map((i) =>
    Math.max(...[head, ...rows.map(texts)].map((row) => stringWidth(row[i] ?? ''))),
  );
  const natural = widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length);
  const noteWidth = Math.max(0, ...rows.map((row) => stringWidth(row.note ?? '')));
  const isBeside = natural + GAP.length + noteWidth <= look.columns;
  const over = Math.max(0, natural - look.columns);
  const [name = 0, ...others] = widths;
  const fitting = [Math.max(NAME_COLUMNS, name - over), ...others];
  const row = (cells: readonly Piece[], beside: string): Line => [
    ...used.flatMap((i, at): Piece[] => {
      const { text = '', ...style } = cells[i] ?? {};
      const width = fitting[at] ?? 0;
      return [{ ...style, text: padEnd(cut(text, width, more), width) + GAP }];
    }),
    plain(isBeside ? beside : ''),
  ];
  const titles = row(head.map(plain), noteWidth > 0 ? note : '').map(({ text }) => styled('dim', text));
  const lines = rows.flatMap(({ cells, note: text = '' }): Line[] => [
    row(cells, text),
    ...(isBeside || text === ''
      ? []
      : wrap(text, look.columns - HANGING.length).map((part): Line => [styled('dim', HANGING + part)])),
  ]);
  return [titles, ...lines].map((line) => fit(trimmed(line), look.columns, more));
}

function texts({ cells }: TableRow): string[] {
  return cells.map(({ text }) => text);
}

/** Nothing after the last text: a line that is full must not count as too long for its padding. */
function trimmed(line: Line): Line {
  const last = line.findLastIndex(({ text }) => text.trim() !== '');
  return line
    .slice(0, last + 1)
    .map((piece, i) => (i === last ? { ...piece, text: piece.text.trimEnd() } : piece));
}
