/** What is wrong with an input, for people: where, which field, why (SPEC B8; `reference/ux.md` 5.5). */
import { distance } from 'fastest-levenshtein';

export interface Problem {
  /** Keys and positions (from 0) from the top of the input; a command-line flag is one step like `--size`. */
  path: (string | number)[];
  message: string;
  /** Both from 1; absent when the input has no text, or the problem no place in it. */
  line?: number;
  column?: number;
}

/** A problem as columns of text, without control characters. */
export interface ProblemRow {
  place: string;
  field: string;
  message: string;
}

/** In the order of the file. Control characters are shown as escapes. */
export function problemRows(problems: readonly Problem[], fileName: string): ProblemRow[] {
  return [...problems].sort(byPlace).map((problem) => ({
    place: printable([fileName, problem.line, problem.column].filter((part) => part !== undefined).join(':')),
    field: printable(pathText(problem.path)),
    message: printable(problem.message),
  }));
}

/** `tasks[1].prompt`; empty for the input as a whole. */
export function pathText(path: Problem['path']): string {
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join('');
}

/** A value in a message: short, and of one line. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return JSON.stringify(typeof value === 'string' ? cut(value) : value) ?? typeof value;
}

/** `; did you mean "prompt"?` when a known word is close to the unknown one, else nothing. */
export function suggestion(unknown: string, known: readonly string[]): string {
  const wanted = squashed(unknown);
  let best: { word: string; edits: number } | null = null;
  for (const word of known) {
    const edits = distance(wanted, squashedOnce(word));
    if (best === null || edits < best.edits) best = { word, edits };
  }
  const isClose = best !== null && best.edits <= Math.min(2, Math.floor(wanted.length / 3));
  return isClose && best !== null ? suggested(best.word) : '';
}

export function suggested(word: string): string {
  return `; did you mean "${word}"?`;
}

/** `taskName`, `task-name` and `task_name` are the same wish. */
function squashed(word: string): string {
  return word
    .slice(0, 80)
    .replaceAll(/[_\s-]/gu, '')
    .toLowerCase();
}

/** The same of a word that is asked about over and over. */
function squashedOnce(known: string): string {
  const before = SQUASHED.get(known);
  if (before !== undefined) return before;
  SQUASHED.set(known, squashed(known));
  return squashedOnce(known);
}

const SQUASHED = new Map<string, string>();

function byPlace(a: Problem, b: Problem): number {
  const last = Number.MAX_SAFE_INTEGER;
  return (a.line ?? last) - (b.line ?? last) || (a.column ?? last) - (b.column ?? last);
}

const SHOWN_CHARACTERS = 60;

function cut(text: string): string {
  const characters = Array.from(text.slice(0, SHOWN_CHARACTERS * 2));
  return characters.length > SHOWN_CHARACTERS ? `${characters.slice(0, SHOWN_CHARACTERS).join('')}…` : text;
}

/** Control and direction characters come from the file: none may reach the terminal as such. */
function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
