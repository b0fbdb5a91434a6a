import { dirname } from 'node:path';
import type { ProofIndexRow } from '../domain/records.ts';
import { jsonText, makeFolder, replaceFile } from '../host/durable-file.ts';

/** SPEC F10: what lets a later order find this proof without Temporal. */
export async function writeProofIndex(path: string, row: ProofIndexRow): Promise<void> {
  await makeFolder(dirname(path));
  await replaceFile(path, jsonText(row));
}
