/** Standard output is data, standard error is everything else (SPEC C2). */
import { EXIT } from './exit-codes.ts';
import { type Line, paint } from './paint.ts';
import { lookOf } from './terminal.ts';

export function print(text: string): void {
  process.stdout.write(`${harmless(text)}\n`);
}

export function printLines(lines: readonly Line[]): void {
  const { colour } = lookOf(process.stdout);
  for (const line of lines) print(paint(line, colour));
}

export function printJson(value: unknown): void {
  process.stdout.write(`${harmlessJson(value, 2)}\n`);
}

/** The same document for whoever parses it, and nothing in it that a terminal obeys: JSON escapes only some of that. */
export function harmlessJson(value: unknown, indent = 0): string {
  const json = JSON.stringify(value, null, indent);
  return json.replaceAll(
    /[\u007F-\u009F\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** What a person has to know: problems, warnings, how to come back. */
export function say(text: string): void {
  outlet.say(harmless(text));
}

export function sayLines(lines: readonly Line[]): void {
  const { colour } = outlet.isText ? lookOf(process.stderr) : { colour: false };
  say(lines.map((line) => paint(line, colour)).join('\n'));
}

/** What is good to know: what was ordered, where to look, what to do next. `--progress quiet` leaves it out. */
export function note(text: string): void {
  outlet.note(harmless(text));
}

/** Where texts on standard error go: a picture that is being drawn there, or lines of JSON, must not be broken. */
export interface Outlet {
  say: (text: string) => void;
  note: (text: string) => void;
  /** False: the texts become data, without styles. */
  isText: boolean;
}

export const STANDARD_ERROR: Outlet = { say: writeError, note: writeError, isText: true };

let outlet = STANDARD_ERROR;

export function setOutlet(next: Outlet): void {
  outlet = next;
}

export function writeError(text: string): void {
  process.stderr.write(`${text}\n`);
}

const warned = new Set<string>();

/** A warning is told once, though both the command and the worker may find it. */
export function warn(text: string): void {
  if (warned.has(text)) return;
  warned.add(text);
  say(`warning: ${safe(text)}`);
}

/** Text from data on one line: no control character of it reaches the terminal (DESIGN 6). */
export function safe(text: string): string {
  return text.replaceAll(/\r?\n/gu, '␤').replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '�');
}

/** Whatever a message was made of: lines, tabs and styles are all that a terminal gets to obey. */
export function harmless(text: string): string {
  return text.replaceAll(COMMANDS, (command) => (STYLE.test(command) ? command : '�'));
}

// eslint-disable-next-line no-control-regex -- styles as `styleText` writes them; then any other control character
const COMMANDS = /\u001B\[[\d;]*m|[\u0000-\u0008\u000B-\u001F\u007F-\u009F\p{Bidi_Control}]/gu;
// eslint-disable-next-line no-control-regex -- see above
const STYLE = /^\u001B\[[\d;]*m$/u;

/** A pipe or terminal whose reader has gone. */
const READER_GONE = new Set(['EPIPE', 'EIO', 'ECONNRESET']);

/**
 * A reader that goes away neither stops the work nor changes the exit code: what it would have read is dropped. Data that
 * is lost otherwise (a full disk) is told, and the command ends with exit code 3.
 */
export function guardStreams(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (READER_GONE.has(error.code ?? '')) return;
    writeError(`imgproof: standard output could not be written: ${error.message}`);
    process.once('exit', () => {
      process.exitCode = EXIT.environment;
    });
  });
}
