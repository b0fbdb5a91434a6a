/** One result, one verdict (SPEC P1). */
import { basename, dirname, join } from 'node:path';
import { type BrokenRule, brokenRules, explain } from '../domain/acceptance.ts';
import { FILES } from '../domain/layout.ts';
import type { ResultRecord, TaskRow, TaskStateRecord } from '../domain/records.ts';
import { TASK_STATUSES, type TaskStatus } from '../domain/status.ts';
import {
  type BrokenEvidenceRule,
  brokenEvidenceRules,
  EVIDENCE_RULES,
  type Level,
  type StrongerEvidence,
} from '../domain/stronger-evidence.ts';
import { brokenClaimRules } from '../domain/vendor-claim.ts';
import type { Claims, FoundResult } from './claims.ts';
import type { VerifyContext } from './context.ts';
import { gatherEvidence } from './evidence.ts';
import { openTasks } from './open-tasks.ts';
import { asBatchRequest, asBatchResult, asResult } from './record-shape.ts';
import { type Read, READ_LIMITS, readRecord } from './safe-read.ts';
import { signatureOfResult, signedImage } from './signature.ts';
import { item, type VerifyItem } from './verdict.ts';

/** A `result.json` by itself: its row and the other images are looked up around it. */
export async function verifyResultFile(path: string, context: VerifyContext): Promise<VerifyItem> {
  const folder = dirname(path);
  const read = asResult(await readRecord(folder, basename(path)));
  if (read.kind !== 'read') return unreadableResult(path, read);
  const found = { path, folder, result: read.value };
  const around = await rowOf(found);
  return verifyResult(found, { ...around, claims: await context.claims(folder) }, context);
}

/** What is known around a result. */
interface Around {
  claims: Claims;
  /** Undefined when there is none to compare, null when there should be one. */
  row?: TaskRow | null | undefined;
  note?: string | null;
}

export async function verifyResult(
  found: FoundResult,
  { claims, row, note = null }: Around,
  context: VerifyContext,
): Promise<VerifyItem> {
  const { result } = found;
  const { evidence, imagePath, c2pa } = await gatherEvidence(found, claims, {
    batchRow: row,
    c2pa: context.c2pa,
    decodedBefore: context.decodeAll ? null : await signedImage(found, context.keys),
  });
  const stronger: StrongerEvidence = {
    c2pa,
    signature: await signatureOfResult(found, evidence.image?.sha256 ?? null, context.keys),
  };
  const broken = [
    ...brokenRules(evidence).map((id) => explain(id, evidence)),
    ...brokenClaimRules(c2pa, result).map(inWords),
    ...explainEvidence(stronger, context.required),
  ];
  const didNotDeliver = result.ok !== true && (result.image_path ?? null) === null;
  const contradicts = Object.values(stronger).some((finding) => finding?.state === 'invalid');
  return item({
    kind: 'result',
    path: found.path,
    task: result.task_name,
    image: imagePath,
    status: result.status,
    verdict: broken.length === 0 ? 'proven' : didNotDeliver && !contradicts ? 'not completed' : 'broken',
    broken,
    evidence: stronger,
    note: didNotDeliver ? failureText(result) : note,
  });
}

/** Rules of SPEC P3 that do not hold, in words. */
export function explainEvidence(evidence: StrongerEvidence, required: readonly Level[]): BrokenRule[] {
  return brokenEvidenceRules(evidence, required).map(inWords);
}

function inWords({ id, ...compared }: BrokenEvidenceRule): BrokenRule {
  return { id, ...EVIDENCE_RULES[id], ...compared };
}

export function unreadableResult(path: string, read: Exclude<Read<unknown>, { kind: 'read' }>): VerifyItem {
  if (read.kind === 'missing')
    return item({ kind: 'path', path, verdict: 'no proof', note: 'there is no such file' });
  return item({ kind: 'result', path, verdict: 'unreadable', note: `${basename(path)} ${read.problem}` });
}

/**
 * A run folder without `result.json`: where its task stands, as far as `state.json` tells. `isAgain`: one that may be there
 * is of before its task was queued once more.
 */
export async function verifyUnfinished(
  folder: string,
  task: string | null,
  { isAgain } = { isAgain: false },
): Promise<VerifyItem> {
  const read = await readRecord(folder, FILES.state);
  const base = { kind: 'task', path: folder, task } as const;
  if (read.kind === 'missing')
    return item({ ...base, verdict: 'unfinished', note: 'no result.json and no state.json' });
  if (read.kind === 'refused')
    return item({ ...base, verdict: 'unreadable', note: `state.json ${read.problem}` });
  const { status, updated_at, task_key } = read.value as Partial<TaskStateRecord>;
  const before = isAgain ? 'ordered once more after its end' : 'no result.json';
  const note = `${before}; state.json says ${String(status)}, last written ${String(updated_at)}`;
  const known = TASK_STATUSES.includes(status as TaskStatus) ? (status as TaskStatus) : null;
  return item({ ...base, task: task ?? String(task_key), status: known, verdict: 'unfinished', note });
}

async function rowOf({
  folder,
  result,
}: FoundResult): Promise<{ row?: TaskRow | null; note: string | null }> {
  const batchDir = dirname(folder);
  if (result.batch_id === null) return { note: null };
  const read = asBatchResult(await readRecord(batchDir, FILES.batchResult, READ_LIMITS.batchBytes));
  switch (read.kind) {
    case 'missing':
      return { note: `no ${FILES.batchResult} beside it: its batch is unfinished or was left behind` };
    case 'refused':
      return { row: null, note: `${join(batchDir, FILES.batchResult)} ${read.problem}` };
    case 'read': {
      const row = read.value.results.find(({ index }) => index === result.index) ?? null;
      // A row of before its task ran once more is nothing to hold it against.
      if (row?.status !== result.status && (await isTakenUpAgain(batchDir)))
        return { note: 'its batch was taken up again after its end, and is unfinished' };
      return { row, note: null };
    }
  }
}

async function isTakenUpAgain(batchDir: string): Promise<boolean> {
  const request = asBatchRequest(await readRecord(batchDir, FILES.batchRequest, READ_LIMITS.batchBytes));
  return request.kind === 'read' && (await openTasks(batchDir, request.value)).size > 0;
}

function failureText({ status, diagnosis, error }: ResultRecord): string {
  const reasons = [diagnosis?.human_reason, error].filter((text) => typeof text === 'string' && text !== '');
  return [status, reasons.join(': ')].filter((text) => text !== '').join(': ');
}
