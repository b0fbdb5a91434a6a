/** Is a run, or a batch, as its worker signed it (SPEC P3)? */
import { basename, join } from 'node:path';
import { FILES } from '../domain/layout.ts';
import type { SignatureFinding } from '../domain/stronger-evidence.ts';
import type { FoundResult } from './claims.ts';
import { open, type Statement, type TrustedKeys } from './dsse.ts';
import { BATCH_PREDICATE, checkChain } from './manifest.ts';
import { READ_LIMITS, readRegularFile } from './safe-read.ts';
import { RUN_FILE, sha256Of, TASK_PREDICATE } from './task-statement.ts';

/** `imageSha256`: of the image as it is now; null when there is none to compare, which is another rule's business. */
export async function signatureOfResult(
  { folder, result }: FoundResult,
  imageSha256: string | null,
  keys: TrustedKeys,
): Promise<SignatureFinding> {
  const finding = await signatureIn(join(folder, FILES.resultEnvelope), TASK_PREDICATE, keys);
  if (!('statement' in finding)) return finding;
  const { statement } = finding;
  const problems = await Promise.all(
    statement.subject.map(async ({ name, digest }) => {
      if (!RUN_FILE.test(name)) return imageProblem(name, digest.sha256, imageSha256);
      return fileProblem(folder, name, digest.sha256);
    }),
  );
  const names = new Set(statement.subject.map(({ name }) => name));
  const missing = [
    ...(names.has(FILES.result) ? [] : [FILES.result]),
    ...(result.status === 'completed' && result.image_path !== null && !names.has(basename(result.image_path))
      ? ['its image']
      : []),
  ].map((name) => `the signature does not speak of ${name}`);
  return judged(finding, [...problems, ...missing]);
}

/** sha256 of the image that a trusted signer recorded in exactly this result: it was decoded to the last pixel then. */
export async function signedImage(
  { folder, result }: FoundResult,
  keys: TrustedKeys,
): Promise<string | null> {
  const finding = await signatureIn(join(folder, FILES.resultEnvelope), TASK_PREDICATE, keys);
  if (!('statement' in finding) || finding.state !== 'trusted') return null;
  const digestOf = (name: string) =>
    finding.statement.subject.find((subject) => subject.name === name)?.digest.sha256 ?? null;
  const signedResult = digestOf(FILES.result);
  if (signedResult === null || (await fileProblem(folder, FILES.result, signedResult)) !== null) return null;
  return result.ok === true && result.image_path !== null ? digestOf(basename(result.image_path)) : null;
}

/** The signed head, the chain behind it, and the batch record. */
export async function signatureOfBatch(batchDir: string, keys: TrustedKeys): Promise<SignatureFinding> {
  const finding = await signatureIn(join(batchDir, FILES.manifestEnvelope), BATCH_PREDICATE, keys);
  if (!('statement' in finding)) return finding;
  const { predicate, subject } = finding.statement;
  const problems = await Promise.all(
    [FILES.manifest, FILES.batchResult].map(async (name) => {
      const digest = subject.find((one) => one.name === name)?.digest.sha256;
      return digest === undefined
        ? `the signature does not speak of ${name}`
        : fileProblem(batchDir, name, digest);
    }),
  );
  const chain = await checkChain(batchDir);
  const head =
    chain.head === predicate['head'] && chain.count === predicate['count']
      ? null
      : `the chain ends with line ${chain.count}, ${chain.head.slice(0, 12)}…; signed is line ${String(predicate['count'])}, ${String(predicate['head']).slice(0, 12)}…`;
  return judged(finding, [...problems, ...chain.problems, head]);
}

type SignedFinding = SignatureFinding & { statement: Statement };

async function signatureIn(
  path: string,
  predicateType: string,
  keys: TrustedKeys,
): Promise<SignatureFinding | SignedFinding> {
  const read = await readRegularFile(path, READ_LIMITS.jsonBytes);
  const none = { key_id: null, signed_at: null };
  if (read.kind === 'missing') return { ...none, state: 'absent', detail: 'not signed' };
  if (read.kind === 'refused')
    return { ...none, state: 'invalid', detail: `${basename(path)} ${read.problem}` };
  const opened = open(read.value, keys);
  if (opened.kind === 'invalid')
    return { ...none, state: 'invalid', detail: `${basename(path)}: ${opened.problem}` };
  const { statement, keyId, trusted } = opened;
  if (statement.predicateType !== predicateType)
    return { ...none, state: 'invalid', detail: `${basename(path)} is signed for something else` };
  const at = statement.predicate['signed_at'];
  return {
    state: trusted ? 'trusted' : 'valid, signer not trusted',
    key_id: keyId,
    signed_at: typeof at === 'string' ? at : null,
    detail: trusted
      ? `key ${keyId.slice(0, 12)}… of ${keys.source}`
      : `key ${keyId.slice(0, 12)}…, which is in no list of trusted keys (--keys FILE)`,
    statement,
  };
}

function judged(
  { statement: _, ...finding }: SignedFinding,
  problems: readonly (string | null)[],
): SignatureFinding {
  const found = problems.filter((problem) => problem !== null);
  return found.length === 0 ? finding : { ...finding, state: 'invalid', detail: found.join('; ') };
}

async function fileProblem(folder: string, name: string, sha256: string): Promise<string | null> {
  const read = await readRegularFile(join(folder, name), READ_LIMITS.jsonBytes);
  if (read.kind === 'missing') return `${name} is signed, and is not there`;
  if (read.kind === 'refused') return `${name} ${read.problem}`;
  return sha256Of(read.value) === sha256 ? null : `${name} was changed after it was signed`;
}

function imageProblem(name: string, signed: string, now: string | null): string | null {
  return now === null || now === signed ? null : `${name} was changed after it was signed`;
}
