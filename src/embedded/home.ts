/** What lies in the home folder of the embedded stack (SPEC H1), and the state its supervisor publishes there. */
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { readFile, readlink, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { jsonText, makeFolder, replaceProjection } from '../host/durable-file.ts';

export interface Ports {
  port: number;
  uiPort: number;
}

/** `<home>/embedded.json`: written by the supervisor alone, removed when it has stopped everything. */
export interface EmbeddedState {
  schema_version: number;
  status: 'starting' | 'ready' | 'stopping' | 'failed';
  supervisor: { pid: number };
  server: ({ pid: number } & Ports) | null;
  worker: { pid: number } | null;
  /** host:port of the Temporal server; null until it serves. */
  address: string | null;
  webUi: string | null;
  /** Network namespace of the stack: a process in another one can't reach it. Null outside Linux. */
  netns: string | null;
  /** When the supervisor started, ISO 8601. */
  startedAt: string;
  /** What went wrong last; kept until everything is ready again. */
  error?: string;
  temporalVersion: string;
}

export interface HomeFiles {
  database: string;
  lock: string;
  state: string;
  ports: string;
  stopNow: string;
  workerReady: string;
  logs: { server: string; worker: string; supervisor: string };
}

/** Make the home folder and name it as every process of it does, whatever links lead there. */
export async function openHome(home: string): Promise<string> {
  await makeFolder(join(home, 'logs'));
  return realpath(home);
}

/** The same name for a home that may not exist; makes nothing. */
export async function existingHome(home: string): Promise<string> {
  return realpath(home).catch(() => resolve(home));
}

export function homeFiles(home: string): HomeFiles {
  return {
    database: join(home, 'temporal.db'),
    lock: join(home, 'supervisor.lock'),
    state: join(home, 'embedded.json'),
    ports: join(home, 'ports.json'),
    stopNow: join(home, 'stop-now'),
    workerReady: join(home, 'worker.json'),
    logs: {
      server: join(home, 'logs', 'server.log'),
      worker: join(home, 'logs', 'worker.log'),
      supervisor: join(home, 'logs', 'supervisor.log'),
    },
  };
}

export async function readState(home: string): Promise<EmbeddedState | null> {
  return readJson<EmbeddedState>(homeFiles(home).state);
}

export async function writeState(home: string, state: EmbeddedState): Promise<void> {
  await replaceProjection(homeFiles(home).state, jsonText(state));
}

/** The random ports this home was given once, when 7233 was taken (SPEC C5). */
export async function readPorts(home: string): Promise<Ports | null> {
  return readJson<Ports>(homeFiles(home).ports);
}

export async function writePorts(home: string, ports: Ports): Promise<void> {
  await replaceProjection(homeFiles(home).ports, jsonText(ports));
}

/** True when the worker with this pid has said that it polls. */
export async function workerIsReady(home: string, pid: number): Promise<boolean> {
  const said = await readJson<{ pid?: number; ready?: boolean }>(homeFiles(home).workerReady);
  return said?.pid === pid && said.ready === true;
}

const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

/** File descriptor to append to a log, for a child that outlives us; a log over 10 MiB becomes `<name>.1` first. */
export function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, 'a', 0o600);
}

/** Run `use` with an open log and close our end of it. */
export function withLog<T>(path: string, use: (descriptor: number) => T): T {
  const descriptor = openLog(path);
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Last lines of a log for an error message; empty when there is none. */
export async function logTail(path: string, lines: number): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

/** Identity of this process's network namespace; null where there is no such thing. */
export async function networkNamespace(): Promise<string | null> {
  return readlink('/proc/self/ns/net').catch(() => null);
}

async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}
