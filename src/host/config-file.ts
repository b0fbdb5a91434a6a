/** Config files of people: JSON5 and `.env`. Their content may be secret, so no error quotes any of it. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve, sep } from 'node:path';
import { parseEnv } from 'node:util';

const require = createRequire(import.meta.url);

/** A setting or a config file that can't be used as it is. Ends a command with its exit code (SPEC C3, H7). */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly exitCode: 3 | 4;

  constructor(message: string, exitCode: 3 | 4 = 3) {
    super(message);
    this.exitCode = exitCode;
  }
}

export type JsonObject = Record<string, unknown>;

/** `isNamed`: somebody named this very path, so that the file has to be there. */
export interface ConfigPlace {
  path: string;
  isNamed: boolean;
}

/** Null when there is no such file and nobody named it. Read and parsed anew each time. @throws ConfigError */
export function readJson5({ path, isNamed }: ConfigPlace): JsonObject | null {
  if (!isNamed && !existsSync(path)) return null;
  const value = readJson5Value(path);
  if (!isObject(value)) throw new ConfigError(`${path} must hold one object. Correct it and try again.`);
  return value;
}

/** Whatever the file holds. @throws ConfigError when there is none, or not JSON5 of at most 2 MiB. */
export function readJson5Value(path: string): unknown {
  const text = readText(path).replace(/^\uFEFF/u, '');
  // Loaded only where there is a file to parse: most commands start without one.
  const json5 = require('json5') as { parse: (text: string) => unknown };
  return parsed(path, () => json5.parse(text));
}

/** Variables of a `.env` file, as they are written; none when there is no such file. @throws ConfigError */
export function readDotenv(path: string): NodeJS.Dict<string> {
  return existsSync(path) ? parseEnv(readText(path)) : {};
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value that says something: as for OpenClaw, blank, `undefined` and `null` mean unset. */
export function given(value: unknown): string | undefined {
  const text = typeof value === 'string' ? value.trim() : '';
  return ['', 'undefined', 'null'].includes(text) ? undefined : text;
}

/** Absolute, with a leading `~` as `home`. */
export function expandHome(path: string, home: string): string;
export function expandHome(path: string | undefined, home: string): string | undefined;
export function expandHome(path: string | undefined, home: string): string | undefined {
  if (path === undefined) return undefined;
  return resolve(path === '~' || path.startsWith('~/') ? home + path.slice(1) : path);
}

/** Both as they are written; a folder is inside itself. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

function parsed(path: string, parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    const { lineNumber = '?', columnNumber = '?' } = error as { lineNumber?: number; columnNumber?: number };
    throw new ConfigError(
      `${path} is not valid JSON5 at ${lineNumber}:${columnNumber}. Correct it and try again.`,
    );
  }
}

const BYTES_MAX = 2 * 1024 * 1024;

function readText(path: string): string {
  const bytes = readBytes(path);
  if (bytes.length <= BYTES_MAX) return bytes.toString('utf8');
  throw new ConfigError(`${path} has more than ${BYTES_MAX} bytes, the most that is read. Make it smaller.`);
}

/** One byte more than may be there at most: what is larger, or never ends, is not read on. */
function readBytes(path: string): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      const buffer = Buffer.alloc(BYTES_MAX + 1);
      let filled = 0;
      for (let count = -1; count !== 0 && filled < buffer.length; filled += count)
        count = readSync(file, buffer, filled, buffer.length - filled, null);
      return buffer.subarray(0, filled);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ConfigError(`${path} can't be read (${code}). Make it readable, or name another file.`);
  }
}
