/** Standard output is data, standard error is everything else (SPEC C2). */
import { EXIT } from './exit-codes.ts';
import { type Line, paint } from './paint.ts';
import { lookOf } from './terminal.ts';

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printLines(lines: readonly Line[]): void {
  const { colour } = lookOf(process.stdout);
  for (const line of lines) print(paint(line, colour));
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** What a person has to know: problems, warnings, how to come back. */
export function say(text: string): void {
  outlet.say(text);
}

export function sayLines(lines: readonly Line[]): void {
  const { colour } = outlet.isText ? lookOf(process.stderr) : { colour: false };
  say(lines.map((line) => paint(line, colour)).join('\n'));
}

/** What is good to know: what was ordered, where to look, what to do next. `--progress quiet` leaves it out. */
export function note(text: string): void {
  outlet.note(text);
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
