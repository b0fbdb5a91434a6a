/**
 * A worker that dies leaves its attempts with the server, which misses them only when no sign of life has come for the
 * heartbeat timeout. So each attempt is noted on disk while it runs, with its task token, and the next worker of this home
 * gives back at once what a dead process had: the server then starts the next attempt, which finds the spool as it is
 * (SPEC R5). Only speed hangs on a note: one that can't be written or read leaves it to the timeout.
 */
import { createHash } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { FAILURE_TYPES, type FailureReport } from '../domain/failure.ts';
import { jsonText, makeFolder, replaceProjection } from '../host/durable-file.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from '../host/process-identity.ts';
import { ApplicationFailure, sdk } from '../temporal/sdk.ts';

interface AttemptNote extends ProcessIdentity {
  schema_version: number;
  /** Of Temporal. */
  namespace: string;
  /** Pids count in it: a process of another container is not to be judged from here. */
  pid_namespace: string;
  activity: string;
  workflow_id: string | null;
  attempt: number;
  /** Base64. */
  task_token: string;
}

export interface GivenBack {
  /** Attempts that the server starts again. */
  attempts: number;
  /** Sentences: notes that could not be used, or not be told to the server. */
  problems: string[];
}

const SCHEMA_VERSION = 1;

/** Whatever it says, the server has long missed that attempt. */
const NOTE_AGE_MS_MAX = 24 * 3_600_000;

/** Zero would mean the retry policy's own interval. */
const AT_ONCE_MS = 20;

/** For every attempt of this process: its note is there from before its work begins until after its end. */
export function noteAttempts(folder: string, namespace: string): ActivityInterceptorsFactory {
  const self = { ...ownIdentity(), pid_namespace: pidNamespace() };
  return ({ info }) => ({
    inbound: {
      execute: async (input, next) => {
        const token = Buffer.from(info.taskToken).toString('base64');
        const path = join(folder, `${createHash('sha256').update(token).digest('hex').slice(0, 24)}.json`);
        const note: AttemptNote = {
          schema_version: SCHEMA_VERSION,
          ...self,
          namespace,
          activity: info.activityType,
          workflow_id: info.workflowExecution?.workflowId ?? null,
          attempt: info.attempt,
          task_token: token,
        };
        await makeFolder(folder)
          .then(() => replaceProjection(path, jsonText(note)))
          .catch(() => undefined);
        try {
          return await next(input);
        } finally {
          await rm(path, { force: true }).catch(() => undefined);
        }
      },
    },
  });
}

/** Never rejects. A process that is alive, also one that is suspended, keeps its attempts. */
export async function giveBackOrphans(
  folder: string,
  namespace: string,
  client: Pick<Client, 'activity'>,
): Promise<GivenBack> {
  const given: GivenBack = { attempts: 0, problems: [] };
  const names = await readdir(folder).catch(() => []);
  await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      try {
        const { mtimeMs } = await stat(path);
        if (Date.now() - mtimeMs < NOTE_AGE_MS_MAX) {
          const note = await readNote(path);
          if (note.namespace !== namespace || !isOrphan(note)) return;
          if (await giveBack(note, client)) given.attempts += 1;
        }
        await rm(path, { force: true });
      } catch (error) {
        given.problems.push(`${path}: ${(error as Error).message}`);
      }
    }),
  );
  return given;
}

/** False when the server has ended this attempt before. */
async function giveBack(note: AttemptNote, { activity }: Pick<Client, 'activity'>): Promise<boolean> {
  const message = `the worker ended with this attempt in hand (pid ${note.pid} on ${note.host})`;
  const report: FailureReport = { category: 'worker_died', message };
  const failure = ApplicationFailure.create({
    message,
    type: FAILURE_TYPES.attempt,
    details: [report],
    nextRetryDelay: AT_ONCE_MS,
  });
  try {
    await activity.fail(Buffer.from(note.task_token, 'base64'), failure);
    return true;
  } catch (error) {
    if (error instanceof sdk.ActivityNotFoundError) return false;
    throw error;
  }
}

function isOrphan(note: AttemptNote): boolean {
  const { boot_id } = ownIdentity();
  return note.boot_id === boot_id && note.pid_namespace === pidNamespace() && !isRunning(note);
}

async function readNote(path: string): Promise<AttemptNote> {
  const note = JSON.parse(await readFile(path, 'utf8')) as Partial<AttemptNote> | null;
  if (note?.schema_version === SCHEMA_VERSION && typeof note.task_token === 'string')
    return note as AttemptNote;
  throw new Error('is no note of an attempt that this imgproof knows');
}

/** Empty where the platform has none. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
