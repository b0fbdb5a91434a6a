/**
 * A batch as one chain (SPEC P3): `manifest.jsonl` has one line for each ordered task, in file order, each naming the hash
 * of the line before it; `manifest.dsse.json` is the signed head. A line that is gone, added, moved or changed breaks the
 * chain; a file that is swapped breaks its line.
 */
import { isAbsolute, join, relative, sep } from 'node:path';
import type { SigningKey } from '../artifacts/key-file.ts';
import type { BatchResultRecord, ManifestHead } from '../domain/batch-records.ts';
import { canonicalJson } from '../domain/ids.ts';
import { FILES } from '../domain/layout.ts';
import { SCHEMA_VERSION, type TaskRow } from '../domain/records.ts';
import { type Envelope, seal } from './dsse.ts';
import { READ_LIMITS, readRegularFile } from './safe-read.ts';
import { sha256Of, subjectOf } from './task-statement.ts';

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

export interface Manifest extends ManifestHead {
  text: string;
}

/** Of the files as they are on disk now. */
export async function manifestOf(batchDir: string, rows: readonly TaskRow[]): Promise<Manifest> {
  const inOrder = rows.toSorted((a, b) => a.index - b.index);
  const facts = await Promise.all(inOrder.map((row) => factsOf(batchDir, row)));
  let head = FIRST_PREV;
  const lines = facts.map((fact) => {
    const line = canonicalJson({ schema_version: SCHEMA_VERSION, ...fact, prev: head });
    head = sha256Of(line);
    return `${line}\n`;
  });
  return { text: lines.join(''), head, count: lines.length };
}

/** The head, with the batch record as it was written beside it. */
export function signManifest(
  { text, head, count }: Manifest,
  { record, recordBytes }: { record: BatchResultRecord; recordBytes: Buffer },
  key: SigningKey,
): Envelope {
  const { batch_id, batch_hash, total, success, provider, model } = record;
  const predicate = {
    batch: { batch_id, batch_hash, total, success, provider, model },
    head,
    count,
    signed_at: new Date().toISOString(),
  };
  const subject = [
    subjectOf(FILES.manifest, sha256Of(text)),
    subjectOf(FILES.batchResult, sha256Of(recordBytes)),
  ];
  return seal({ subject, predicateType: BATCH_PREDICATE, predicate }, key);
}

export interface Chain extends ManifestHead {
  problems: string[];
}

/** Whether each line follows from the one before it, and each file is the one its line speaks of. Never throws. */
export async function checkChain(batchDir: string): Promise<Chain> {
  const read = await readRegularFile(join(batchDir, FILES.manifest), MANIFEST_BYTES_MAX);
  if (read.kind !== 'read') {
    const problem = read.kind === 'missing' ? 'is missing' : read.problem;
    return { head: FIRST_PREV, count: 0, problems: [`${FILES.manifest} ${problem}`] };
  }
  const lines = read.value.toString('utf8').split('\n').slice(0, -1);
  let head = FIRST_PREV;
  const problems: string[] = [];
  for (const [i, text] of lines.entries()) {
    const line = lineIn(text);
    const where = `${FILES.manifest} line ${i + 1}`;
    if (line === null) problems.push(`${where} is no line of a manifest`);
    else if (line.prev !== head) problems.push(`${where} does not follow from the one before it`);
    else problems.push(...(await lineProblems(batchDir, line, where)));
    head = sha256Of(text);
  }
  return { head, count: lines.length, problems };
}

const MANIFEST_BYTES_MAX = 16 * 1024 * 1024;

function lineIn(text: string): ManifestLine | null {
  try {
    const line = JSON.parse(text) as Partial<ManifestLine> | null;
    return typeof line?.prev === 'string' && typeof line.index === 'number' ? (line as ManifestLine) : null;
  } catch {
    return null;
  }
}

/** Of files below the batch's folder; an adopted result that is kept elsewhere may have been left behind. */
async function lineProblems(batchDir: string, line: ManifestLine, where: string): Promise<string[]> {
  const { result_json, result_sha256, envelope_sha256 } = line;
  if (typeof result_json !== 'string' || isAbsolute(result_json)) return [];
  const path = join(batchDir, result_json);
  if (!isNear(relative(batchDir, path).split(sep).join('/')))
    return [`${where} names a file outside of the batch`];
  const problems: string[] = [];
  if ((await hashOf(path)) !== result_sha256) problems.push(`${where}: ${result_json} is another one`);
  if ((await hashOf(envelopeBeside(path))) !== envelope_sha256)
    problems.push(`${where}: the signature beside ${result_json} is another one`);
  return problems;
}

async function factsOf(
  batchDir: string,
  row: TaskRow,
): Promise<Omit<ManifestLine, 'prev' | 'schema_version'>> {
  const { index, task_key, status, sha256, result_json } = row;
  const result = result_json === null ? null : await hashAndGeneration(result_json);
  const envelope = result_json === null ? null : await hashOf(envelopeBeside(result_json));
  return {
    index,
    task_key,
    generation_id: result?.generationId ?? null,
    status,
    result_json: result_json === null ? null : placeOf(batchDir, result_json),
    image_sha256: sha256,
    result_sha256: result?.sha256 ?? null,
    envelope_sha256: envelope,
  };
}

/** Where the signature of this `result.json` is. */
export function envelopeBeside(resultJson: string): string {
  return join(resultJson, '..', FILES.resultEnvelope);
}

function placeOf(batchDir: string, path: string): string {
  const place = relative(batchDir, path).split(sep).join('/');
  return isNear(place) ? place : path;
}

/** Below the batch's folder; of a queue run (SPEC F4) in the state directory that its folder is in. */
function isNear(place: string): boolean {
  return (!place.startsWith('..') && !isAbsolute(place)) || RESULT_OF_QUEUE.test(place);
}

const RESULT_OF_QUEUE = /^\.\.\/\.\.\/tasks\/t-[\w-]+\/result\.json$/u;

async function hashOf(path: string): Promise<string | null> {
  const read = await readRegularFile(path, READ_LIMITS.jsonBytes);
  return read.kind === 'read' ? sha256Of(read.value) : null;
}

async function hashAndGeneration(
  path: string,
): Promise<{ sha256: string; generationId: string | null } | null> {
  const read = await readRegularFile(path, READ_LIMITS.jsonBytes);
  if (read.kind !== 'read') return null;
  const { generation_id } = JSON.parse(read.value.toString('utf8')) as { generation_id?: string };
  return { sha256: sha256Of(read.value), generationId: generation_id ?? null };
}
