/** Lines of styled text by the width a terminal gives them: Chinese takes two columns, a style none. Pure. */
import stringWidth from 'string-width';
import { type Line, type Piece, plain } from './paint.ts';

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + stringWidth(text), 0);
}

/** At most `columns` wide; what does not fit ends with `more`. */
export function fit(line: Line, columns: number, more: string): Line {
  if (lineWidth(line) <= columns) return line;
  const pieces: Piece[] = [];
  let left = columns;
  for (const piece of line) {
    const width = stringWidth(piece.text);
    // What follows has no room: the mark has to go into this piece.
    const isLast = width > left - stringWidth(more);
    pieces.push(isLast ? { ...piece, text: cut(`${piece.text}${more}`, left, more) } : piece);
    if (isLast) break;
    left -= width;
  }
  return pieces;
}

/** The start of a text that is at most `columns` wide, its mark included; whole graphemes only. */
export function cut(text: string, columns: number, more: string): string {
  if (stringWidth(text) <= columns) return text;
  const room = columns - stringWidth(more);
  if (room < 0) return more.slice(0, Math.max(0, columns));
  let kept = '';
  let width = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    width += stringWidth(segment);
    if (width > room) break;
    kept += segment;
  }
  return kept + more;
}

const GRAPHEMES = new Intl.Segmenter();

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - stringWidth(text)));
}

/** Lines of a terminal that a text takes: a wide character is never broken in two. */
export function rowsOf(text: string, columns: number): number {
  let rows = 1;
  let used = 0;
  for (const { segment } of GRAPHEMES.segment(text)) {
    const width = stringWidth(segment);
    if (used + width > columns) {
      rows += 1;
      used = 0;
    }
    used += width;
  }
  return rows;
}

/** Width of the widest text, at most `limit`. */
export function widest(texts: readonly string[], limit: number): number {
  // Not `Math.max(...)`: hundreds of thousands of texts are too many arguments.
  return Math.min(
    limit,
    texts.reduce((width, text) => Math.max(width, stringWidth(text)), 0),
  );
}

/** Groups side by side as far as they fit, the rest on further lines; a group is never broken. */
export function flow(groups: readonly Line[], columns: number, gap: string): Line[] {
  const lines: Line[] = [];
  for (const group of groups.filter((pieces) => lineWidth(pieces) > 0)) {
    const last = lines.at(-1);
    const joined = last === undefined ? null : [...last, plain(gap), ...group];
    if (joined !== null && lineWidth(joined) <= columns) lines[lines.length - 1] = joined;
    else lines.push(group);
  }
  return lines;
}

/** Broken at spaces only: a path that is wider than the line stays whole, to be copied. */
export function wrap(text: string, columns: number): string[] {
  if (stringWidth(text) <= columns) return [text];
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    const joined = last === '' ? word : `${last} ${word}`;
    if (stringWidth(joined) <= columns) lines[lines.length - 1] = joined;
    else if (last === '') lines[lines.length - 1] = word;
    else lines.push(word);
  }
  return lines;
}
