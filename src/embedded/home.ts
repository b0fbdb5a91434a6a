/** What lies in the home folder of the embedded stack (SPEC H1), and the state its supervisor publishes there. */
import { readlink, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeFolder } from '../host/durable-file.ts';
import { EnvironmentProblem } from './environment-problem.ts';
import { readHomeRecord, writeHomeRecord } from './home-record.ts';
import type { Phase } from './state-machine.ts';

export interface Ports {
  port: number;
  uiPort: number;
}

/** `<home>/embedded.json`: written by the supervisor alone, removed when it has stopped everything. */
export interface EmbeddedState {
  status: Phase;
  /** Why it is `stopping`, and why it is `down` then. */
  stopReason?: 'asked' | 'idle';
  supervisor: { pid: number };
  server: ({ pid: number } & Ports) | null;
  worker: { pid: number } | null;
  /** True while a worker is being waited for that finishes its paid calls: this may take minutes. */
  draining: boolean;
  /** host:port of the Temporal server; null until it serves. */
  address: string | null;
  webUi: string | null;
  /** Network namespace of the stack: a process in another one can't reach it. Null outside Linux. */
  netns: string | null;
  /** When the supervisor started, ISO 8601. */
  startedAt: string;
  /** What went wrong last; kept until everything is ready again. `final`: its text says all, starting again can't help. */
  problem?: { message: string; final: boolean };
  temporalVersion: string;
}

export interface HomeFiles {
  database: string;
  lock: string;
  state: string;
  ports: string;
  stopNow: string;
  /** What the worker says of itself. */
  worker: string;
  /** Which server served the database last. */
  server: string;
  /** Changed by every command that uses the stack. */
  used: string;
  /** Processes that want no paid call to begin yet. */
  apiHolds: string;
  logs: { server: string; worker: string; supervisor: string };
}

/**
 * Make the home folder and name it as every process of it does, whatever links lead there.
 * @throws EnvironmentProblem
 */
export async function openHome(home: string): Promise<string> {
  try {
    await makeFolder(join(home, 'logs'));
    return await realpath(home);
  } catch (error) {
    throw unusableHome(home, error);
  }
}

/** For a person whose home folder takes no files. */
export function unusableHome(home: string, error: unknown): EnvironmentProblem {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOSPC: 'no space is left on its disk. Free some and run this again',
    EDQUOT: 'your disk quota is used up. Free some space and run this again',
    EROFS: 'its file system is read-only. Name another folder in IMGPROOF_HOME',
    EACCES: 'you may not write there. Name another folder in IMGPROOF_HOME',
  };
  const reason = reasons[code ?? ''] ?? `${message}. Name another folder in IMGPROOF_HOME`;
  return new EnvironmentProblem(`imgproof's home ${home} can't be written: ${reason}.`);
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
    worker: join(home, 'worker.json'),
    server: join(home, 'server.json'),
    used: join(home, 'used.json'),
    apiHolds: join(home, 'api-holds'),
    logs: {
      server: join(home, 'logs', 'server.log'),
      worker: join(home, 'logs', 'worker.log'),
      supervisor: join(home, 'logs', 'supervisor.log'),
    },
  };
}

export async function readState(home: string): Promise<EmbeddedState | null> {
  return readHomeRecord<EmbeddedState>(homeFiles(home).state);
}

export async function writeState(home: string, state: EmbeddedState): Promise<void> {
  await writeHomeRecord(homeFiles(home).state, state);
}

/** The random ports this home was given once, when 7233 was taken (SPEC C5). */
export async function readPorts(home: string): Promise<Ports | null> {
  return readHomeRecord<Ports>(homeFiles(home).ports);
}

export async function writePorts(home: string, ports: Ports): Promise<void> {
  await writeHomeRecord(homeFiles(home).ports, ports);
}

/** Identity of this process's network namespace; null where there is no such thing. */
export async function networkNamespace(): Promise<string | null> {
  return readlink('/proc/self/ns/net').catch(() => null);
}
