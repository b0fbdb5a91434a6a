/**
 * Batches held against what Temporal keeps of them (SPEC P3): files that were all replaced by an earlier signed state are
 * noticed by nothing else.
 */
import type { KeptHead } from '../domain/batch-records.ts';
import { FILES } from '../domain/layout.ts';
import { HISTORY_RULE } from '../domain/stronger-evidence.ts';
import { checkChain } from './manifest-chain.ts';
import { asBatchRequest, asBatchResult } from './record-shape.ts';
import { READ_LIMITS, readRecord } from './safe-read.ts';
import { type VerifyItem, type VerifyReport, verifyReport } from './verdict.ts';

/** Heads of the runs of a workflow, newest first. */
export type HeadLookup = (workflowId: string) => Promise<KeptHead[]>;

/** The same report, in which a batch that Temporal remembers otherwise, or not at all, does not hold. */
export async function holdAgainst({ items }: VerifyReport, lookup: HeadLookup): Promise<VerifyReport> {
  const held: VerifyItem[] = [];
  for (const one of items) held.push(one.kind === 'batch' ? await heldBatch(one, lookup) : one);
  return verifyReport(held);
}

async function heldBatch(batch: VerifyItem, lookup: HeadLookup): Promise<VerifyItem> {
  const problem = await problemOf(batch, lookup);
  if (problem === null) return batch;
  const broken = [...batch.broken, { ...HISTORY_RULE, found: problem }];
  return { ...batch, ok: false, verdict: batch.verdict === 'proven' ? 'broken' : batch.verdict, broken };
}

async function problemOf({ path, evidence }: VerifyItem, lookup: HeadLookup): Promise<string | null> {
  const request = asBatchRequest(await readRecord(path, FILES.batchRequest, READ_LIMITS.batchBytes));
  const record = asBatchResult(await readRecord(path, FILES.batchResult, READ_LIMITS.batchBytes));
  if (request.kind !== 'read' || record.kind !== 'read') return 'the batch has no records to compare';
  const kept = (await lookup(request.value.workflow_id)).find(
    // The folder may have been copied since.
    ({ batch_dir }) => batch_dir === record.value.batch_dir,
  );
  if (kept === undefined)
    return 'Temporal keeps no head of this batch: another server, or its history has gone';
  const chain = await checkChain(path);
  if (chain.head !== kept.head || chain.count !== kept.count)
    return `the manifest ends with line ${chain.count}, ${chain.head.slice(0, 12)}…; Temporal keeps line ${kept.count}, ${kept.head.slice(0, 12)}…`;
  const signer = evidence.signature?.key_id ?? null;
  return signer === kept.key_id
    ? null
    : `signed with the key ${shortened(signer)}; Temporal keeps ${shortened(kept.key_id)}`;
}

function shortened(keyId: string | null): string {
  return keyId === null ? 'none' : `${keyId.slice(0, 12)}…`;
}
