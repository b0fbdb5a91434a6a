/**
 * Signatures of what was recorded (SPEC P3). A record is worth more than its signature: without a usable key it stays
 * unsigned, the log says why, and `verify` says `absent`.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { log } from '@temporalio/activity';
import { writeManifest } from '../artifacts/batch-folder.ts';
import type { SigningKey } from '../artifacts/key-file.ts';
import type { TaskFolder } from '../artifacts/task-folder.ts';
import type { BatchResultRecord, BatchSummary } from '../domain/batch-records.ts';
import { FILES } from '../domain/layout.ts';
import type { ResultRecord } from '../domain/records.ts';
import { foundResult } from '../proof/claims.ts';
import { manifestOf, signManifest } from '../proof/manifest.ts';
import { signatureOfResult } from '../proof/signature.ts';
import { signResult } from '../proof/task-statement.ts';
import type { ActivityDeps } from './deps.ts';

type Keys = Pick<ActivityDeps, 'keys'>;

/**
 * Of a `result.json` that was just written. One that was adopted gets this worker's signature only when what it was adopted
 * from has one of this worker's: nothing becomes evidence by being ordered again.
 */
export async function signTask(
  deps: Keys,
  folder: TaskFolder,
  { result, resultJson }: { result: ResultRecord; resultJson: string },
): Promise<void> {
  const { key } = await keyFor(resultJson, deps);
  if (key === null || !(await isOwnWord(result, deps))) return folder.writeEnvelope(null);
  const resultBytes = await readFile(resultJson);
  return folder.writeEnvelope(await signResult(folder.path, resultBytes, key));
}

/** Of a `batch_result.json` that was just written: the chain of its tasks, and its signed head. */
export async function recordManifest(
  deps: Keys,
  batchResultJson: string,
  record: BatchResultRecord,
): Promise<NonNullable<BatchSummary['manifest']>> {
  const batchDir = dirname(batchResultJson);
  const manifest = await manifestOf(batchDir, record.results);
  const { key, unsigned } = await keyFor(batchResultJson, deps);
  const records = await recordsOf(batchDir);
  const envelope = key === null ? null : signManifest(manifest, { record, records }, key);
  await writeManifest(batchDir, manifest.text, envelope);
  const { head, count } = manifest;
  return { head, count, key_id: key?.keyId ?? null, ...(unsigned === null ? {} : { unsigned }) };
}

/** What was ordered and what came of it, as they are on disk. */
async function recordsOf(batchDir: string): Promise<Map<string, Buffer>> {
  const names = [FILES.batchResult, FILES.batchRequest];
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(batchDir, name))] as const)),
  );
}

async function isOwnWord({ adopted_from, sha256 }: ResultRecord, { keys }: Keys): Promise<boolean> {
  if (adopted_from === undefined) return true;
  const original = await foundResult(adopted_from);
  if (original === null) return false;
  const own = { ...(await keys.publicKeys()), source: keys.folder };
  return (await signatureOfResult(original, sha256, own)).state === 'trusted';
}

async function keyFor(
  path: string,
  { keys }: Keys,
): Promise<{ key: SigningKey; unsigned: null } | { key: null; unsigned: string }> {
  return keys.current().then(
    (key) => ({ key, unsigned: null }),
    ({ message }: Error) => {
      log.warn(`not signed: ${path}: ${message}`);
      return { key: null, unsigned: message };
    },
  );
}
