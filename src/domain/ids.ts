/**
 * Identity: what makes two orders, tasks, calls or results the same one. Pure; `sha256` (text to lower-case hex) is
 * handed in. SPEC words, B5, B6, H4.
 */
import type { ProofIndexRow } from './records.ts';
import { type InputImage, type NormalizedTask, TASK_DEFAULTS, TASK_LIMITS } from './task.ts';

export type Sha256 = (text: string) => string;

// --- a request, a call, a result -----------------------------------------------------------------------------------

/** Two requests with the same fingerprint ask the provider for the same thing. */
export function requestFingerprint(
  task: Pick<NormalizedTask, 'provider' | 'model' | 'mode' | 'prompt' | 'raw' | 'size' | 'options'>,
  references: readonly Pick<InputImage, 'sha256'>[],
  sha256: Sha256,
): string {
  const { provider, model, mode, prompt, raw, size, options } = task;
  return sha256(
    canonicalJson({
      provider,
      model,
      mode,
      prompt,
      raw,
      size,
      ...options,
      references: references.map((r) => r.sha256),
    }),
  );
}

export interface GenerationOrigin {
  namespace: string;
  /** The task's workflow id, which is its key. */
  workflow_id: string;
  /** `firstExecutionRunId` of the batch, or of the task when it was started alone: resets keep it. */
  order_run_id: string;
  /** How often the task was ordered again within the same order, from 0. */
  retry: number;
}

/** All requests that may deliver one task's image share this id; a spooled answer of another one is never adopted. */
export function generationId(origin: GenerationOrigin, sha256: Sha256): string {
  const { namespace, workflow_id, order_run_id, retry } = origin;
  return `g-${sha256([namespace, workflow_id, order_run_id, String(retry)].join('\0')).slice(0, 32)}`;
}

/** File name of a task's row in the proof index (SPEC F10). */
export function proofIndexName(batchId: string | null, taskKey: string, sha256: Sha256): string {
  return `${sha256(`${batchId ?? ''}\0${taskKey}`)}.json`;
}

export interface AdoptionQuestion {
  batch_id: string | null;
  request_fingerprint: string;
  generation_id: string;
  /** True when the order takes proven results over (a batch without `again`, a task with `resume`). */
  adopts: boolean;
}

/**
 * SPEC B6. `same call`: this very generation delivered already (reset of a task or of a batch). `same request`: an
 * earlier order of the same batch id asked for the same thing. Whoever gets one of these still checks the files.
 */
export function adoptionOf(
  row: ProofIndexRow | null,
  task: AdoptionQuestion,
): 'same call' | 'same request' | 'none' {
  if (row === null || row.request_fingerprint !== task.request_fingerprint) return 'none';
  if (row.generation_id === task.generation_id) return 'same call';
  return task.adopts && row.batch_id === task.batch_id ? 'same request' : 'none';
}

// --- a batch -------------------------------------------------------------------------------------------------------

/** SPEC B6: hash of what is ordered, whatever the output folder, the worker count or the derived keys. */
export function batchHash(tasks: readonly NormalizedTask[], sha256: Sha256): string {
  return sha256(canonicalJson(tasks.map(hashedFields)));
}

/** A field that came later counts only where it is set: the ids of files that do not know it stay what they were. */
function hashedFields({ output_dir: _, task_timeout_ms, on_unknown, ...task }: NormalizedTask): object {
  return {
    ...task,
    ...(task_timeout_ms === null ? {} : { task_timeout_ms }),
    ...(on_unknown === TASK_DEFAULTS.on_unknown ? {} : { on_unknown }),
  };
}

export function defaultBatchId(batchName: string, hash: string, sha256: Sha256): string {
  return shorten(`${batchName}-${hash.slice(0, 10)}`, sha256);
}

export interface Submission {
  hash: string;
  again: boolean;
  /** Hash in the memo of the open run of this batch id; null when none is open. */
  open: { hash: string | null } | null;
  /** The same of the newest closed run, when the server still knows one. */
  closed: { hash: string | null } | null;
}

export type SubmissionDecision = 'start' | 'attach' | 'refuse: other content' | 'refuse: still running';

/** What a client does with an order whose batch id may have been seen before (SPEC B6). */
export function decideSubmission({ hash, again, open, closed }: Submission): SubmissionDecision {
  const known = (open ?? closed)?.hash ?? hash;
  if (known !== hash) return 'refuse: other content';
  if (open === null) return 'start';
  return again ? 'refuse: still running' : 'attach';
}

/** SPEC B6: a batch id stands for one content, also when no server but only the proof index still knows it. */
export function provesOtherContent(row: ProofIndexRow | null, batchId: string, hash: string): boolean {
  return row !== null && row.batch_id === batchId && row.batch_hash !== hash;
}

/** SPEC B5: a key that is active elsewhere is skipped, unless its task runs for the same batch id. */
export function decideActive(batchId: string, activeBatchId: string | null): 'await' | 'skip' {
  return batchId === activeBatchId ? 'await' : 'skip';
}

// --- keys ----------------------------------------------------------------------------------------------------------

/** Why a key can't be used, or null (SPEC B5). */
export function keyProblem(key: string, batchId: string | null): string | null {
  if (key !== key.normalize('NFC')) return 'is not in Unicode normal form NFC';
  const size = utf8Bytes(key);
  if (size === 0 || size > TASK_LIMITS.keyBytes)
    return `has ${size} bytes; 1 to ${TASK_LIMITS.keyBytes} are allowed`;
  if (/\p{Cc}/u.test(key)) return 'contains a control character';
  if (key === batchId) return 'equals the batch id';
  return null;
}

/** Keys of a batch in file order: the user's own, else `<batch id>/<task_name>`, `-2`, `-3` … for a name seen before. */
export function taskKeys(
  batchId: string,
  tasks: readonly Pick<NormalizedTask, 'task_name' | 'task_key'>[],
  sha256: Sha256,
): string[] {
  const given = new Set(tasks.flatMap((task) => task.task_key ?? []));
  const derived = new Set<string>();
  // Where counting goes on for a name: ten thousand equal names must not take fifty million tries.
  const next = new Map<string, number>();
  return tasks.map(({ task_key, task_name }) => {
    if (task_key !== undefined) return task_key;
    for (let count = next.get(task_name) ?? 1; ; count += 1) {
      const key = shorten(`${batchId}/${count === 1 ? task_name : `${task_name}-${count}`}`, sha256);
      if (derived.has(key) || given.has(key)) continue;
      derived.add(key);
      next.set(task_name, count + 1);
      return key;
    }
  });
}

/** SPEC H4: a derived id over 200 bytes is cut and hashed. */
export function shorten(id: string, sha256: Sha256): string {
  const clean = id.normalize('NFC').replaceAll(/\p{Cc}/gu, '-');
  if (utf8Bytes(clean) <= TASK_LIMITS.keyBytes) return clean;
  const tail = `-${sha256(clean).slice(0, 10)}`;
  let head = '';
  let bytes = tail.length;
  for (const character of clean) {
    bytes += utf8Bytes(character);
    if (bytes > TASK_LIMITS.keyBytes) break;
    head += character;
  }
  return head + tail;
}

/** Bytes of a text in UTF-8, without Node or Web APIs: this runs in workflows too. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x8_00 ? 2 : code < 0x1_00_00 ? 3 : 4;
  }
  return bytes;
}

// --- canonical JSON ------------------------------------------------------------------------------------------------

/** RFC 8785 (JSON Canonicalization Scheme). Undefined members are left out; throws on what JSON can't carry. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    // RFC 8785 3.2.3: sorted by UTF-16 code units, which is what `<` compares.
    members.sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${canonicalJson(name)}:${canonicalJson(member)}`).join(',')}}`;
  }
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`);
  if (typeof value === 'string' && /\p{Cs}/u.test(value))
    throw new TypeError('a lone surrogate has no canonical JSON form');
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`${typeof value} has no JSON form`);
  return text;
}
