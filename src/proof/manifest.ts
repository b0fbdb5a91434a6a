/**
 * A batch as one chain (SPEC P3): `manifest.jsonl` has one line for each ordered task, in file order, each naming the hash
 * of the line before it; `manifest.dsse.json` is the signed head. A line that is gone, added, moved or changed breaks the
 * chain; a file that is swapped breaks its line. `manifest-chain.ts` checks it.
 */
import { isAbsolute, join, relative, sep } from 'node:path';
import type { SigningKey } from '../artifacts/key-file.ts';
import type { BatchResultRecord, ManifestHead } from '../domain/batch-records.ts';
import { canonicalJson } from '../domain/ids.ts';
import { FILES } from '../domain/layout.ts';
import { SCHEMA_VERSION, type TaskRow } from '../domain/records.ts';
import { type Envelope, seal } from './dsse.ts';
import { mapLimited } from './map-limited.ts';
import { READ_LIMITS, readRegularFile } from './safe-read.ts';
import { generator, sha256Of, subjectOf } from './task-statement.ts';

export const BATCH_PREDICATE = 'urn:imgproof:batch:v1';

export interface ManifestLine {
  schema_version: number;
  index: number;
  task_key: string;
  generation_id: string | null;
  status: string;
  /** Relative to the folder of the batch where it is below it, else absolute (an adopted result); null: there is none. */
  result_json: string | null;
  image_sha256: string | null;
  result_sha256: string | null;
  envelope_sha256: string | null;
  /** sha256 of the line before this one, without its newline; zeros in the first. */
  prev: string;
}

export const FIRST_PREV = '0'.repeat(64);

/** A batch may have 10,000 tasks, and two files of each are read. */
export const LINES_AT_ONCE = 32;

export interface Manifest extends ManifestHead {
  text: string;
}

/** Of the files as they are on disk now. */
export async function manifestOf(batchDir: string, rows: readonly TaskRow[]): Promise<Manifest> {
  const inOrder = rows.toSorted((a, b) => a.index - b.index);
  const facts = await mapLimited(inOrder, LINES_AT_ONCE, (row) => factsOf(batchDir, row));
  let head = FIRST_PREV;
  const lines = facts.map((fact) => {
    const line = canonicalJson({ schema_version: SCHEMA_VERSION, ...fact, prev: head });
    head = sha256Of(line);
    return `${line}\n`;
  });
  return { text: lines.join(''), head, count: lines.length };
}

/** The head, with the records of the batch as they were written beside it: what was ordered, and what came of it. */
export function signManifest(
  { text, head, count }: Manifest,
  { record, records }: { record: BatchResultRecord; records: ReadonlyMap<string, Uint8Array> },
  key: SigningKey,
): Envelope {
  const { batch_id, batch_hash, total, success, provider, model } = record;
  const predicate = {
    batch: { batch_id, batch_hash, total, success, provider, model },
    head,
    count,
    software: generator(),
    signed_at: new Date().toISOString(),
  };
  const subject = [
    subjectOf(FILES.manifest, sha256Of(text)),
    ...[...records].map(([name, bytes]) => subjectOf(name, sha256Of(bytes))),
  ];
  return seal({ subject, predicateType: BATCH_PREDICATE, predicate }, key);
}

/** Where the signature of this `result.json` is. */
export function envelopeBeside(resultJson: string): string {
  return join(resultJson, '..', FILES.resultEnvelope);
}

/** Below the batch's folder; of a queue run (SPEC F4) in the state directory that its folder is in. */
export function isNear(place: string): boolean {
  return (!place.startsWith('..') && !isAbsolute(place)) || RESULT_OF_QUEUE.test(place);
}

const RESULT_OF_QUEUE = /^\.\.\/\.\.\/tasks\/t-[\w-]+\/result\.json$/u;

/** Relative to the folder of the batch, with `/`. */
export function placeIn(batchDir: string, path: string): string {
  return relative(batchDir, path).split(sep).join('/');
}

/** Null for what is not there or can't be read. */
export async function hashOf(path: string): Promise<string | null> {
  const read = await readRegularFile(path, READ_LIMITS.jsonBytes);
  return read.kind === 'read' ? sha256Of(read.value) : null;
}

async function factsOf(
  batchDir: string,
  { index, task_key, status, sha256, result_json }: TaskRow,
): Promise<Omit<ManifestLine, 'prev' | 'schema_version'>> {
  const result = result_json === null ? NO_RESULT : await hashAndGeneration(result_json);
  const place = result_json === null ? null : placeIn(batchDir, result_json);
  return {
    index,
    task_key,
    status,
    result_json: place === null || isNear(place) ? place : result_json,
    image_sha256: sha256,
    ...result,
    envelope_sha256: result_json === null ? null : await hashOf(envelopeBeside(result_json)),
  };
}

type OfResult = Pick<ManifestLine, 'result_sha256' | 'generation_id'>;
const NO_RESULT: OfResult = { result_sha256: null, generation_id: null };

async function hashAndGeneration(path: string): Promise<OfResult> {
  const read = await readRegularFile(path, READ_LIMITS.jsonBytes);
  if (read.kind !== 'read') return NO_RESULT;
  const { generation_id = null } = JSON.parse(read.value.toString('utf8')) as Partial<ManifestLine>;
  return { result_sha256: sha256Of(read.value), generation_id };
}
