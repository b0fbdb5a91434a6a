/** The folder of one task (SPEC F2, F3): state, attempts, result. Everything a person reads there is redacted (F9). */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FAILURES } from '../domain/failure.ts';
import { attemptFolder, FILES } from '../domain/layout.ts';
import {
  type AttemptRecord,
  type AttemptRequest,
  type ResultRecord,
  SCHEMA_VERSION,
  type TaskStateRecord,
} from '../domain/records.ts';
import { EXTENSIONS } from './image-store.ts';
import type { ImageFormat } from '../domain/task.ts';
import { createFile, jsonText, makeFolder, replaceFile, replaceProjection } from '../host/durable-file.ts';

export type Redact = (text: string) => string;

export class TaskFolder {
  readonly path: string;
  readonly #redact: Redact;

  constructor(path: string, redact: Redact) {
    this.path = path;
    this.#redact = redact;
  }

  /** Before the request is sent; a second try of the same attempt leaves the first one's file. */
  async writeRequest(request: AttemptRequest): Promise<void> {
    const folder = join(this.path, attemptFolder(request.attempt));
    await makeFolder(folder);
    await createFile(join(folder, FILES.request), this.#json(request));
  }

  readRequest(attempt: number): Promise<AttemptRequest | null> {
    return readJson<AttemptRequest>(join(this.path, attemptFolder(attempt), FILES.request));
  }

  async hasResult(attempt: number): Promise<boolean> {
    return (await readJson(join(this.path, attemptFolder(attempt), FILES.result))) !== null;
  }

  async writeAttempt(record: AttemptRecord): Promise<void> {
    const folder = join(this.path, attemptFolder(record.attempt));
    await makeFolder(folder);
    await replaceFile(join(folder, FILES.result), this.#json(record));
    await replaceProjection(join(folder, FILES.stdout), `${this.#redact(JSON.stringify(record))}\n`);
    await replaceProjection(join(folder, FILES.stderr), this.#redact(attemptLog(record)));
  }

  /** Attempts as they are on disk, oldest first. One without a result was cut off: it may have been paid (SPEC R4). */
  async readAttempts(): Promise<AttemptRecord[]> {
    const names = (await readdir(this.path).catch(() => []))
      .filter((name) => /^attempt-\d+$/u.test(name))
      .sort();
    const records = await Promise.all(
      names.map(async (name) => {
        const ended = await readJson<AttemptRecord>(join(this.path, name, FILES.result));
        return ended ?? cutOff(await readJson<AttemptRequest>(join(this.path, name, FILES.request)));
      }),
    );
    return records.filter((record) => record !== null);
  }

  /** An image that is no result (SPEC S): beside the attempt that brought it. */
  async writeEvidence(attempt: number, image: Buffer, format: ImageFormat): Promise<void> {
    await replaceFile(join(this.path, attemptFolder(attempt), `image.${EXTENSIONS[format]}`), image);
  }

  async writeState(state: TaskStateRecord): Promise<void> {
    await makeFolder(this.path);
    await replaceProjection(join(this.path, FILES.state), this.#json(state));
  }

  readState(): Promise<TaskStateRecord | null> {
    return readJson<TaskStateRecord>(join(this.path, FILES.state));
  }

  /** The last word: result, its one line, the log of all attempts. `result.json` comes last; with it the task is recorded. */
  async writeResult(result: ResultRecord): Promise<string> {
    await makeFolder(this.path);
    const log = result.attempts.map(attemptLog).join('') + closingLine(result);
    await replaceProjection(join(this.path, FILES.stderr), this.#redact(log));
    await replaceProjection(join(this.path, FILES.stdout), `${this.#redact(JSON.stringify(result))}\n`);
    const path = join(this.path, FILES.result);
    await replaceFile(path, this.#json(result));
    return path;
  }

  readResult(): Promise<ResultRecord | null> {
    return readJson<ResultRecord>(join(this.path, FILES.result));
  }

  #json(value: unknown): string {
    return this.#redact(jsonText(value));
  }
}

export async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch {
    return null;
  }
}

function cutOff(request: AttemptRequest | null): AttemptRecord | null {
  if (request === null) return null;
  return {
    schema_version: SCHEMA_VERSION,
    attempt: request.attempt,
    temporal_attempt: 0,
    ok: false,
    workflow_id: '',
    generation_id: request.generation_id,
    worker_id: 'unknown',
    pid: 0,
    thread_id: 0,
    run_id: '',
    phase: 'sent',
    started_at: request.created_at,
    ended_at: null,
    elapsed_ms: null,
    http_status: null,
    request_id: null,
    category: 'worker_died',
    error: FAILURES.worker_died.reason,
    retryable: true,
    billing: 'possible',
    next_attempt_at: null,
  };
}

function attemptLog(record: AttemptRecord): string {
  const lines = [
    `attempt ${record.attempt}  started ${record.started_at}  worker ${record.worker_id} (pid ${record.pid})`,
    `attempt ${record.attempt}  ${outcome(record)}`,
    `attempt ${record.attempt}  billing: ${record.billing}, request id: ${record.request_id ?? 'none'}`,
  ];
  if (record.next_attempt_at !== null)
    lines.push(`attempt ${record.attempt}  next request not before ${record.next_attempt_at}`);
  return `${lines.join('\n')}\n`;
}

function outcome({ ok, elapsed_ms, http_status, category, error, phase }: AttemptRecord): string {
  const took = elapsed_ms === null ? 'cut off' : `after ${(elapsed_ms / 1000).toFixed(1)} s`;
  if (ok) return `answered ${http_status} ${took}`;
  return `${category ?? 'failed'} ${took} in phase ${phase}: ${error ?? ''}`;
}

function closingLine({ status, image_path, error, diagnosis }: ResultRecord): string {
  if (image_path !== null) return `${status}  ${image_path}\n`;
  const reason = diagnosis === null ? '' : ` — ${FAILURES[diagnosis.category].reason}`;
  return `${status}  ${error ?? ''}${reason}\n`;
}
