/**
 * The spool: what this host knows of every paid call, durable before anything else happens (SPEC R5). One folder per
 * generation and request fingerprint; every file in it is created once, whole, and never changed:
 *
 *     began-<run id>-<n>.json   Temporal attempt n looked here before it could send anything
 *     01.intent.json            request 1 is about to be sent
 *     01.sent                   its connection stands, its first byte goes out next
 *     01.answer                 a complete 2xx answer: one line of JSON, then the body as received
 *     01.download               the image that the answer only links to (`spooled-download.ts`)
 *     01.end.json               request 1 ended without one
 *     01.partial                what came of an answer that was cut; never adopted
 *     image.json                where the image of this generation is saved
 *     lock                      who works on this generation now
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type AttemptRecord, SCHEMA_VERSION, type WorkerBinding } from '../domain/records.ts';
import { createFile, createMarkSync, jsonText, makeFolder, replaceProjection } from '../host/durable-file.ts';
import { acquireLock, LockDamaged, type LockResult } from '../host/lock.ts';
import { readSpoolFile, readSpoolJson, refuseNewer, refuseNoFolder, SpoolDamaged } from './spool-files.ts';

export { SpoolDamaged } from './spool-files.ts';

/** Which answer may be adopted by whom: both must be equal. */
export interface SpoolKey {
  generation_id: string;
  request_fingerprint: string;
}

export interface Intent extends SpoolKey, WorkerBinding {
  attempt: number;
  temporal_attempt: number;
  workflow_id: string;
  started_at: string;
  /** Folder of its task, where its result is recorded. Absent in entries of an imgproof that told none yet. */
  run_dir?: string;
  /** When the time of its task is over, by the server's clock: fixed with the task's first request. Absent without a limit. */
  deadline_at?: string;
}

/** First line of an answer file. */
export interface AnswerHeader extends Intent {
  status: number;
  headers: Record<string, string>;
  sha256: string;
  bytes: number;
  sent_at: string;
  ended_at: string;
  elapsed_ms: number;
}

export interface SpooledAttempt {
  attempt: number;
  /** Null for a Temporal attempt of which nothing is known here (SPEC R4). */
  intent: Intent | null;
  end: AttemptRecord | null;
  /** False: not a byte of it went out. */
  sent: boolean;
  answered: boolean;
}

export class Spool {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /**
   * Every image belongs to the generation that brought it first. Returns the other generation when these bytes came
   * before: such an image was not newly generated (SPEC P1). A claim that can't be read is somebody's: `unknown`.
   */
  async claimImage(sha256: string, generationId: string): Promise<string | null> {
    const folder = join(this.root, 'images', sha256.slice(0, 2));
    await makeFolder(folder);
    const path = join(folder, sha256);
    if (await createFile(path, generationId)) return null;
    const owner = await ownerIn(path);
    return owner === generationId ? null : owner;
  }

  /** Throws `SpoolDamaged` when there is something else in its place. */
  async open(key: SpoolKey): Promise<SpoolEntry> {
    const folder = this.#folderOf(key);
    await refuseNoFolder(dirname(folder));
    await refuseNoFolder(folder);
    await makeFolder(folder);
    return new SpoolEntry(folder, key);
  }

  /**
   * What is known here of a generation's requests, without making anything; none when it was never at work here, or when
   * what is there can't be trusted: nobody who only looks shall fail of it.
   */
  look(key: SpoolKey): Promise<SpooledAttempt[]> {
    return this.#lookInto(key, [], (entry) => entry.attempts());
  }

  /** The newest answer, for who only looks; null also when it can't be trusted. Whose work it is holds the lock and asks the entry. */
  lookForAnswer(key: SpoolKey): Promise<AnswerHeader | null> {
    return this.#lookInto(key, null, async (entry) => (await entry.answer())?.header ?? null);
  }

  /** `nothing`: of an entry that is not there, or can't be trusted. */
  async #lookInto<Found>(
    key: SpoolKey,
    nothing: Found,
    read: (entry: SpoolEntry) => Promise<Found>,
  ): Promise<Found> {
    const folder = this.#folderOf(key);
    if (!existsSync(folder)) return nothing;
    return read(new SpoolEntry(folder, key)).catch((error: unknown) => {
      if (error instanceof SpoolDamaged) return nothing;
      throw error;
    });
  }

  #folderOf({ generation_id, request_fingerprint }: SpoolKey): string {
    return join(this.root, generation_id, request_fingerprint.slice(0, 16));
  }
}

export class SpoolEntry {
  readonly folder: string;
  readonly key: SpoolKey;

  constructor(folder: string, key: SpoolKey) {
    this.folder = folder;
    this.key = key;
  }

  lock(): Promise<LockResult> {
    return acquireLock(this.#path('lock')).catch((error: unknown) => {
      throw error instanceof LockDamaged ? new SpoolDamaged(error.message) : error;
    });
  }

  /**
   * Written before a Temporal attempt can send: whoever comes later knows that this spool saw all it did. The disk knows
   * its name with the intent at the latest, which syncs the same folder; before that nothing can have been sent.
   */
  async markBegan(runId: string, temporalAttempt: number): Promise<void> {
    const path = this.#path(beganName(runId, temporalAttempt));
    await replaceProjection(path, documentText({ at: new Date().toISOString() }));
  }

  /** Those of these Temporal attempts that looked here. */
  async beganAmong(runId: string, temporalAttempts: readonly number[]): Promise<ReadonlySet<number>> {
    const names = new Set(await readdir(this.folder));
    return new Set(temporalAttempts.filter((n) => names.has(beganName(runId, n))));
  }

  /** Every request of this generation, oldest first. Throws `SpoolDamaged` when one can't be trusted. */
  async attempts(): Promise<SpooledAttempt[]> {
    const names = await readdir(this.folder);
    const numbers = new Set(names.flatMap((name) => numberIn(name) ?? []));
    return Promise.all(
      [...numbers]
        .sort((a, b) => a - b)
        .map(async (attempt) => ({
          attempt,
          intent: await this.#record<Intent>(attempt, 'intent'),
          end: await this.#record<AttemptRecord>(attempt, 'end'),
          sent: names.includes(`${nn(attempt)}.sent`),
          answered: names.includes(`${nn(attempt)}.answer`),
        })),
    );
  }

  /** Throws when the number is taken: two may never send as the same attempt. */
  async writeIntent(intent: Intent): Promise<void> {
    if (await createFile(this.#path(`${nn(intent.attempt)}.intent.json`), documentText(intent))) return;
    throw new SpoolDamaged(`attempt ${intent.attempt} in ${this.folder} was already begun by somebody else`);
  }

  /** Synchronous, for it stands between the connection and the first byte. Throws what the disk throws. */
  markSent(attempt: number): void {
    createMarkSync(this.#path(`${nn(attempt)}.sent`));
  }

  /** Where the answer to this request is kept as it was received. */
  answerPath(attempt: number): string {
    return this.#path(`${nn(attempt)}.answer`);
  }

  /** A paid answer, safe before anything else happens to it. */
  async writeAnswer(header: AnswerHeader, body: Buffer): Promise<void> {
    const line = JSON.stringify({ schema_version: SCHEMA_VERSION, ...header });
    const content = Buffer.concat([Buffer.from(`${line}\n`), body]);
    if (await createFile(this.answerPath(header.attempt), content)) return;
    throw new SpoolDamaged(`${this.answerPath(header.attempt)} was there before its request was answered`);
  }

  async writePartial(attempt: number, bytes: Buffer): Promise<void> {
    await createFile(this.#path(`${nn(attempt)}.partial`), bytes);
  }

  async writeEnd(record: AttemptRecord): Promise<void> {
    await createFile(this.#path(`${nn(record.attempt)}.end.json`), jsonText(record));
  }

  /** The newest complete answer of exactly this generation and request; throws `SpoolDamaged` when it can't be trusted. */
  async answer(): Promise<{ header: AnswerHeader; body: Buffer } | null> {
    const attempt = (await this.attempts()).findLast((a) => a.answered);
    if (attempt === undefined) return null;
    const path = this.answerPath(attempt.attempt);
    const content = await readSpoolFile(path, ANSWER_BYTES_MAX);
    if (content === null) throw new SpoolDamaged(`${path} has gone; it is not adopted`);
    const lineEnd = content.indexOf(0x0a);
    const header = parseHeader(content.subarray(0, lineEnd), path);
    const body = content.subarray(lineEnd + 1);
    this.#check(attempt.attempt, header, body, path);
    return { header, body };
  }

  /** The path where this generation's image is saved, reserved once so that a second try saves no second image. */
  async reserveImagePath(wanted: string): Promise<string> {
    if (await createFile(this.#path('image.json'), documentText({ path: wanted }))) return wanted;
    const file = this.#path('image.json');
    const reserved = await readSpoolJson<{ path?: unknown }>(file);
    const path = reserved === null ? wanted : reserved.path;
    if (typeof path === 'string' && dirname(path) === dirname(wanted)) return path;
    throw new SpoolDamaged(`${file} names no place in ${dirname(wanted)}; nothing is saved by it`);
  }

  #check(attempt: number, header: AnswerHeader, body: Buffer, path: string): void {
    const foreign =
      header.attempt !== attempt ||
      header.generation_id !== this.key.generation_id ||
      header.request_fingerprint !== this.key.request_fingerprint;
    if (foreign) throw new SpoolDamaged(`${path} is the answer to another request; it is not adopted`);
    const whole =
      body.length === header.bytes && createHash('sha256').update(body).digest('hex') === header.sha256;
    if (!whole)
      throw new SpoolDamaged(`${path} is damaged (its bytes are not those received); it is not adopted`);
  }

  /** Only of this generation and this request. */
  async #record<T extends AttemptRecord | Intent>(
    attempt: number,
    what: 'intent' | 'end',
  ): Promise<T | null> {
    const path = this.#path(`${nn(attempt)}.${what}.json`);
    const record = await readSpoolJson<T>(path);
    if (record === null) return null;
    const foreign = record.attempt !== attempt || record.generation_id !== this.key.generation_id;
    if (foreign) throw new SpoolDamaged(`${path} is of another request; it is not believed`);
    return record;
  }

  #path(name: string): string {
    return join(this.folder, name);
  }
}

/** SPEC F: every object on disk carries the version of its form. */
function documentText(document: object): string {
  return jsonText({ schema_version: SCHEMA_VERSION, ...document });
}

/** The longest answer that is received (90 MiB), and its header. */
const ANSWER_BYTES_MAX = 96 * 1024 * 1024;

function parseHeader(line: Buffer, path: string): AnswerHeader {
  let parsed: (AnswerHeader & { schema_version: number }) | null;
  try {
    parsed = JSON.parse(line.toString('utf8')) as typeof parsed;
  } catch {
    parsed = null;
  }
  if (typeof parsed !== 'object' || parsed === null)
    throw new SpoolDamaged(`${path} has no readable header; it is not adopted`);
  refuseNewer(parsed, path);
  const { schema_version: _, ...header } = parsed;
  return header;
}

async function ownerIn(path: string): Promise<string> {
  const text = await readSpoolFile(path, 200).catch((error: unknown) => {
    if (error instanceof SpoolDamaged) return null;
    throw error;
  });
  return /^[\w-]+$/u.exec(text?.toString() ?? '')?.[0] ?? 'unknown';
}

/** Null for names that no imgproof writes. */
function numberIn(name: string): number | null {
  const [, digits = ''] = /^(\d{2,})\.(?:intent\.json|end\.json|answer)$/u.exec(name) ?? [];
  return nn(Number(digits)) === digits ? Number(digits) : null;
}

function nn(attempt: number): string {
  return String(attempt).padStart(2, '0');
}

function beganName(runId: string, temporalAttempt: number): string {
  return `began-${runId.replaceAll(/[^A-Za-z0-9-]/gu, '_')}-${temporalAttempt}.json`;
}
