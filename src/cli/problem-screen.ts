/** What is wrong with an input, for people: where, which field, why (SPEC B8; `reference/ux.md` 5.5). Pure. */
import stringWidth from 'string-width';
import { type Problem, problemRows } from '../intake/problems.ts';
import { padEnd, widest, wrap } from './layout.ts';
import { type Line, plain, styled } from './paint.ts';
import type { Look } from './terminal.ts';
import { counted } from './words.ts';

/** Wider fields push their message to the right instead of all messages. */
const FIELD_COLUMNS = 40;
/** A message gets at least this much of a line, if need be on one of its own. */
const MESSAGE_COLUMNS = 30;

/** One row for each problem, in the order of the file; a long message goes on below itself. */
export function problemLines(
  problems: readonly Problem[],
  fileName: string,
  { columns }: Pick<Look, 'columns'>,
): Line[] {
  const rows = problemRows(problems, fileName);
  const place = widest(
    rows.map((row) => row.place),
    Infinity,
  );
  const field = widest(
    rows.map((row) => row.field),
    FIELD_COLUMNS,
  );
  const column = place + GAP + (field === 0 ? 0 : field + 2);
  return rows.flatMap((row) => {
    const head: Line = [
      styled('cyan', padEnd(row.place, place + GAP)),
      ...(field === 0 ? [] : [styled('bold', `${padEnd(row.field, field)}  `)]),
    ];
    const overhang = Math.max(0, stringWidth(row.field) - field);
    if (columns - column < MESSAGE_COLUMNS)
      return [head, ...wrap(row.message, columns - 4).map((text): Line => [plain(`    ${text}`)])];
    const [first = '', ...more] = wrap(row.message, columns - column - overhang);
    return [[...head, plain(first)], ...more.map((text): Line => [plain(' '.repeat(column) + text)])];
  });
}

const GAP = 3;

/** `tasks`: how many the input has; 0 leaves them out. */
export function problemsSentence(problems: readonly Problem[], tasks: number): string {
  const where = tasks > 0 ? ` in ${counted(tasks, 'task')}` : '';
  return `${counted(problems.length, 'problem')}${where}. Nothing was sent, nothing was spent.`;
}
