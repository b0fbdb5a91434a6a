/** Config files of people: JSON5 and `.env`. Their content may be secret, so no error quotes any of it. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
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
  const text = readText(path).replace(/^\uFEFF/u, '');
  // Loaded only where there is a file to parse: most commands start without one.
  const json5 = require('json5') as { parse: (text: string) => unknown };
  const value = parsed(path, () => json5.parse(text));
  if (!isObject(value)) throw new ConfigError(`${path} must hold one object. Correct it and try again.`);
  return value;
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
  if (bytes.length > BYTES_MAX) {
    throw new ConfigError(
      `${path} has ${bytes.length} bytes; at most ${BYTES_MAX} are read. Make it smaller.`,
    );
  }
  return bytes.toString('utf8');
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new ConfigError(`${path} can't be read (${code}). Make it readable, or name another file.`);
  }
}
