/** SPEC B6, F10: what was proven before is found here and checked against its files, never against memory. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GeneratedImage } from '../domain/activity-contract.ts';
import { adoptionOf, proofIndexName } from '../domain/ids.ts';
import { FILES } from '../domain/layout.ts';
import type { ProofIndexRow, ResultRecord } from '../domain/records.ts';
import { MOCK_PROVIDER } from '../domain/task.ts';
import { inspectImage } from '../artifacts/image-file.ts';
import { readJson } from '../artifacts/task-folder.ts';
import { sha256 } from './sha256.ts';

interface Wanted {
  task_key: string;
  batch_id: string | null;
  output_dir: string;
  generation_id: string;
  request_fingerprint: string;
  adopts: boolean;
}

export interface Proven {
  result: ResultRecord;
  generated: GeneratedImage;
}

/**
 * The proven result of this task, or null: what this very generation delivered, and for a task that adopts also what an
 * earlier order of the same batch id did. Mocks and results whose files no longer fit are not found.
 */
export async function findProof(task: Wanted): Promise<Proven | null> {
  const row = await readProofIndex(task);
  if (row === null || adoptionOf(row, task) === 'none') return null;
  const result = await readJson<ResultRecord>(row.result_json);
  if (result?.status !== 'completed' || result.ok !== true || result.provider === MOCK_PROVIDER) return null;
  if (result.request_fingerprint !== task.request_fingerprint || result.image_path === null) return null;
  const image = await readFile(result.image_path).then(inspectImage, () => null);
  if (image === null || !image.decodes || image.sha256 !== result.sha256) return null;
  const { decodes: _, problem: __, ...facts } = image;
  return {
    result,
    generated: {
      generation_id: task.generation_id,
      workflow_id: task.task_key,
      attempt: result.attempts_count,
      image: { ...facts, path: result.image_path },
      adopted_from: row.result_json,
    },
  };
}

type IndexKey = Pick<Wanted, 'output_dir' | 'batch_id' | 'task_key'>;

export function readProofIndex(key: IndexKey): Promise<ProofIndexRow | null> {
  return readJson<ProofIndexRow>(proofIndexPath(key));
}

/** SPEC F10. */
export function proofIndexPath(task: IndexKey): string {
  return join(task.output_dir, FILES.proofs, proofIndexName(task.batch_id, task.task_key, sha256));
}
