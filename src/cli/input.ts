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
    return { text: readStandardInput(), name: 'standard input', baseDir: cwd, batchName: 'batch' };
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

function readStandardInput(): string {
  if (process.stdin.isTTY)
    throw new CommandProblem(EXIT.usage, 'standard input is a terminal; pipe the batch into it');
  return readFileSync(0, 'utf8');
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : (error as Error).message;
    throw new CommandProblem(EXIT.usage, `can't read ${path}: ${reason}. Nothing was sent.`);
  }
}
