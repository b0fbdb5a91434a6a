/** Logs of processes that run for days: appended to by their owners, kept small by the supervisor. */
import { closeSync, openSync, readSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homeFiles } from './home.ts';

const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

/** Run `use` with a log open for a child that outlives us, and close our end of it. */
export function withLog<T>(path: string, use: (descriptor: number) => T): T {
  rotateLog(path);
  // Always at its end, wherever that is: only so may somebody else empty the file (O_APPEND).
  const descriptor = openSync(path, 'a', 0o600);
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Keep every log of a home below its limit. The processes that write there notice nothing. */
export function rotateLogs(home: string): void {
  for (const path of Object.values(homeFiles(home).logs)) rotateLog(path);
}

/**
 * The last 10 MiB of a log over that size become `<name>.1`, and the log is emptied. Lines written in between
 * (milliseconds) are lost, and so is what a full disk has no room to keep: a log must not fill the rest of it.
 */
function rotateLog(path: string): void {
  if (logSize(path) <= LOG_LIMIT_BYTES) return;
  try {
    writeFileSync(`${path}.1`, lastBytes(path, LOG_LIMIT_BYTES), { mode: 0o600 });
  } catch {
    rmSync(`${path}.1`, { force: true });
  }
  truncateSync(path, 0);
}

function lastBytes(path: string, count: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(count);
    return bytes.subarray(0, readSync(file, bytes, 0, count, logSize(path) - count));
  } finally {
    closeSync(file);
  }
}

/** Last lines of a log for an error message; empty when there is none. */
export async function logTail(path: string, lines: number): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** Size of a log now; what comes after is of whatever starts next. */
export function logSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** What was written since a log had this size. */
export async function logSince(path: string, size: number): Promise<string> {
  const text = await readFile(path).catch(() => Buffer.alloc(0));
  return text.subarray(text.length < size ? 0 : size).toString('utf8');
}
