/** Is a run, or a batch, as its worker signed it (SPEC P3)? */
import { basename, join } from 'node:path';
import { FILES } from '../domain/layout.ts';
import { firstOf, shown } from '../domain/shown.ts';
import type { SignatureFinding } from '../domain/stronger-evidence.ts';
import type { FoundResult } from './claims.ts';
import { open, type Standing, type Statement, type Subject, type TrustedKeys } from './dsse.ts';
import { BATCH_PREDICATE } from './manifest.ts';
import { checkChain } from './manifest-chain.ts';
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
  const { subject } = finding.statement;
  const image = subject
    .filter(({ name }) => !RUN_FILE.test(name))
    .map(({ name, digest }) => imageProblem(name, digest.sha256, imageSha256));
  const files = subject.filter(({ name }) => RUN_FILE.test(name));
  const names = new Set(subject.map(({ name }) => name));
  const missing = [
    ...(names.has(FILES.result) ? [] : [FILES.result]),
    ...(result.status === 'completed' && result.image_path !== null && !names.has(basename(result.image_path))
      ? ['its image']
      : []),
  ].map((name) => `the signature does not speak of ${name}`);
  return judged(finding, [...(await fileProblems(folder, files)), ...image, ...missing]);
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

/** The signed head, the chain behind it, and the records of the batch. A chain that nobody signed may be broken, too. */
export async function signatureOfBatch(batchDir: string, keys: TrustedKeys): Promise<SignatureFinding> {
  const finding = await signatureIn(join(batchDir, FILES.manifestEnvelope), BATCH_PREDICATE, keys);
  if (finding.state === 'invalid') return finding;
  const chain = await checkChain(batchDir);
  if (!('statement' in finding))
    return chain.exists && chain.problems.length > 0
      ? { ...finding, state: 'invalid', detail: `not signed, and ${firstOf(chain.problems)}` }
      : finding;
  const { predicate, subject } = finding.statement;
  const names = new Set(subject.map(({ name }) => name));
  const missing = [FILES.manifest, FILES.batchResult]
    .filter((name) => !names.has(name))
    .map((name) => `the signature does not speak of ${name}`);
  const records = subject.filter(({ name }) => BATCH_FILES.has(name));
  const head =
    chain.head === predicate['head'] && chain.count === predicate['count']
      ? null
      : `the chain ends with line ${chain.count}, ${chain.head.slice(0, 12)}…; signed is line ${shown(predicate['count'])}, ${shown(predicate['head']).slice(0, 12)}…`;
  return judged(finding, [...(await fileProblems(batchDir, records)), ...missing, head, ...chain.problems]);
}

/** What a signature of a batch may speak of. */
const BATCH_FILES: ReadonlySet<string> = new Set([FILES.manifest, FILES.batchResult, FILES.batchRequest]);

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
  const { statement, keyId, standing } = opened;
  if (statement.predicateType !== predicateType)
    return { ...none, state: 'invalid', detail: `${basename(path)} is signed for something else` };
  const at = statement.predicate['signed_at'];
  return {
    state: standing === 'trusted' ? 'trusted' : 'valid, signer not trusted',
    key_id: keyId,
    signed_at: typeof at === 'string' ? at : null,
    detail: `key ${keyId.slice(0, 12)}…${SAID_OF[standing](keys.source)}`,
    statement,
  };
}

const SAID_OF: Record<Standing, (source: string) => string> = {
  trusted: (source) => ` of ${source}`,
  retired: (source) => ` of ${source}, which had been retired when it signed`,
  unknown: () => ', which is in no list of trusted keys (--keys FILE)',
};

function judged(
  { statement: _, ...finding }: SignedFinding,
  problems: readonly (string | null)[],
): SignatureFinding {
  const found = problems.filter((problem) => problem !== null);
  return found.length === 0 ? finding : { ...finding, state: 'invalid', detail: firstOf(found) };
}

/** One after the other: of what somebody else names not everything need be in memory at once. */
async function fileProblems(folder: string, subjects: readonly Subject[]): Promise<(string | null)[]> {
  const problems: (string | null)[] = [];
  for (const { name, digest } of subjects) problems.push(await fileProblem(folder, name, digest.sha256));
  return problems;
}

async function fileProblem(folder: string, name: string, sha256: string): Promise<string | null> {
  const read = await readRegularFile(join(folder, name), READ_LIMITS.batchBytes);
  if (read.kind === 'missing') return `${name} is signed, and is not there`;
  if (read.kind === 'refused') return `${name} ${read.problem}`;
  return sha256Of(read.value) === sha256 ? null : `${name} was changed after it was signed`;
}

function imageProblem(name: string, signed: string, now: string | null): string | null {
  return now === null || now === signed ? null : `${name} was changed after it was signed`;
}
