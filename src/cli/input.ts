import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { CommandProblem, EXIT } from './exit-codes.ts';

export interface InputText {
  text: string;
  /** For messages: the file's name, `standard input` or `command line`. */
  name: string;
  /** What relative references are relative to (SPEC H3). */
  baseDir: string;
  /** SPEC H4: the file's stem, else `batch`. */
  batchName: string;
}

/** `@file`, a path, `-` for standard input, or the JSON itself (SPEC B8). */
export function readInput(argument: string, cwd = process.cwd()): InputText {
  if (argument === '-')
    return { text: readStandardInput(), name: STANDARD_INPUT, baseDir: cwd, batchName: 'batch' };
  if (/^\s*[[{]/u.test(argument))
    return { text: argument, name: 'command line', baseDir: cwd, batchName: 'batch' };
  const path = resolve(cwd, argument.startsWith('@') ? argument.slice(1) : argument);
  return {
    text: readFile(path),
    name: basename(path),
    baseDir: dirname(path),
    batchName: basename(path, extname(path)),
  };
}

const STANDARD_INPUT = 'standard input';

function readStandardInput(): string {
  if (process.stdin.isTTY)
    throw new CommandProblem(EXIT.usage, 'standard input is a terminal; pipe the batch into it');
  return textOf(readFileSync(0), STANDARD_INPUT);
}

function readFile(path: string): string {
  try {
    return textOf(readFileSync(path), path);
  } catch (error) {
    if (error instanceof CommandProblem) throw error;
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new CommandProblem(EXIT.usage, `can't read ${path}: ${reason}. Nothing was sent.`);
  }
}

/** In another encoding the letters of a prompt would become replacement characters, and be paid for. */
function textOf(bytes: Buffer, name: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw new CommandProblem(EXIT.usage, `${name} is not text in UTF-8; save it so. Nothing was sent.`);
}
