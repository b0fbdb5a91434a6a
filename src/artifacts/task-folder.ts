/** The folder of one task (SPEC F2, F3): state, attempts, result. Everything a person reads there is redacted (F9). */
import { readdir, readFile, rm } from 'node:fs/promises';
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
import { type Redact, redactRecord } from './redact-record.ts';
import type { Intent } from './spool.ts';
import type { ImageFormat } from '../domain/task.ts';
import { createFile, jsonText, makeFolder, replaceFile, replaceProjection } from '../host/durable-file.ts';

export class TaskFolder {
  readonly path: string;
  readonly #redact: Redact;

  /** `redact` is applied to texts, never to places and identities. */
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

  /** Null while it has no end. */
  readAttempt(attempt: number): Promise<AttemptRecord | null> {
    return readJson<AttemptRecord>(join(this.path, attemptFolder(attempt), FILES.result));
  }

  async hasResult(attempt: number): Promise<boolean> {
    return (await this.readAttempt(attempt)) !== null;
  }

  /** Highest number of an attempt that is recorded there, 0 for none. */
  async lastAttempt(): Promise<number> {
    const numbers = (await this.#attemptFolders()).map((name) => Number(name.split('-')[1])).toReversed();
    for (const number of numbers)
      if ((await this.readRequest(number)) !== null || (await this.hasResult(number))) return number;
    return 0;
  }

  async writeAttempt(record: AttemptRecord): Promise<void> {
    const folder = join(this.path, attemptFolder(record.attempt));
    await makeFolder(folder);
    const clean = redactRecord(record, this.#redact);
    await Promise.all([
      replaceFile(join(folder, FILES.result), jsonText(clean)),
      replaceProjection(join(folder, FILES.stdout), `${JSON.stringify(clean)}\n`),
      replaceProjection(join(folder, FILES.stderr), attemptLog(clean)),
    ]);
  }

  /**
   * Attempts as they are on disk, oldest first. One without a result was cut off or is still under way: it may have been
   * paid (SPEC R4). `intents`: what the spool knows of who sent them.
   */
  async readAttempts(intents: readonly Intent[] = []): Promise<AttemptRecord[]> {
    const names = await this.#attemptFolders();
    const sender = new Map(intents.map((intent) => [attemptFolder(intent.attempt), intent]));
    const records = await Promise.all(
      names.map(async (name) => {
        const ended = await readJson<AttemptRecord>(join(this.path, name, FILES.result));
        return (
          ended ??
          withoutEnd(await readJson<AttemptRequest>(join(this.path, name, FILES.request)), sender.get(name))
        );
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
    const clean = redactRecord(result, this.#redact);
    const log = clean.attempts.map(attemptLog).join('') + closingLine(clean);
    await Promise.all([
      replaceProjection(join(this.path, FILES.stderr), log),
      replaceProjection(join(this.path, FILES.stdout), `${JSON.stringify(clean)}\n`),
    ]);
    const path = join(this.path, FILES.result);
    await replaceFile(path, jsonText(clean));
    return path;
  }

  /** The signature of the last word; null: it has none, and one of an earlier word must not stay. */
  async writeEnvelope(envelope: object | null): Promise<void> {
    await writeOrRemove(join(this.path, FILES.resultEnvelope), envelope);
  }

  /**
   * The last word of a task that is not ended any more; what its attempts were stays. An image that this very generation
   * delivered is its last word.
   */
  async takeBackResult(generationId: string): Promise<void> {
    const result = await this.readResult();
    if (result === null) return;
    if (result.generation_id === generationId && result.status === 'completed') return;
    // `result.json` goes first: without it the others say nothing.
    for (const name of [FILES.result, FILES.resultEnvelope, FILES.stdout, FILES.stderr])
      await rm(join(this.path, name), { force: true });
  }

  readResult(): Promise<ResultRecord | null> {
    return readJson<ResultRecord>(join(this.path, FILES.result));
  }

  async #attemptFolders(): Promise<string[]> {
    const names = await readdir(this.path).catch(() => []);
    const numberOf = (name: string) => Number(name.slice('attempt-'.length));
    return names.filter((name) => /^attempt-\d+$/u.test(name)).sort((a, b) => numberOf(a) - numberOf(b));
  }

  #json(record: object): string {
    return jsonText(redactRecord(record, this.#redact));
  }
}

/** One JSON document, whole on the disk; null: no file. */
export async function writeOrRemove(path: string, value: object | null): Promise<void> {
  if (value === null) await rm(path, { force: true });
  else await replaceFile(path, jsonText(value));
}

export async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch {
    return null;
  }
}

function withoutEnd(request: AttemptRequest | null, intent: Intent | undefined): AttemptRecord | null {
  if (request === null) return null;
  const unknown = {
    workflow_id: '',
    run_id: '',
    worker_id: 'unknown',
    pid: 0,
    thread_id: 0,
    temporal_attempt: 0,
  };
  const { workflow_id, run_id, worker_id, pid, thread_id, temporal_attempt } = intent ?? unknown;
  return {
    schema_version: SCHEMA_VERSION,
    attempt: request.attempt,
    temporal_attempt,
    ok: false,
    workflow_id,
    generation_id: request.generation_id,
    worker_id,
    pid,
    thread_id,
    run_id,
    phase: 'sent',
    started_at: request.created_at,
    ended_at: null,
    elapsed_ms: null,
    http_status: null,
    request_id: null,
    category: 'worker_died',
    error:
      'no end of this request is known: it was cut off, or is still under way; the provider may charge it',
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
