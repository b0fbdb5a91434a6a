/** The folder of one batch (SPEC F3). */
import { join } from 'node:path';
import { FILES } from '../domain/layout.ts';
import type { BatchRequestRecord, BatchResultRecord } from '../domain/batch-records.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import { createFile, jsonText, makeFolder, replaceFile } from '../host/durable-file.ts';
import { readJson, writeOrRemove } from './task-folder.ts';

export async function writeBatchRequest(batchDir: string, record: BatchRequestRecord): Promise<void> {
  await makeFolder(batchDir);
  await replaceFile(join(batchDir, FILES.batchRequest), jsonText(record));
}

export function readBatchRequest(batchDir: string): Promise<BatchRequestRecord | null> {
  return readJson<BatchRequestRecord>(join(batchDir, FILES.batchRequest));
}

export async function writeBatchResult(batchDir: string, record: BatchResultRecord): Promise<string> {
  const path = join(batchDir, FILES.batchResult);
  await replaceFile(path, jsonText(record));
  return path;
}

/** The chain of its tasks, and the signature of it; null: it has none. */
export async function writeManifest(batchDir: string, text: string, envelope: object | null): Promise<void> {
  await replaceFile(join(batchDir, FILES.manifest), text);
  await writeOrRemove(join(batchDir, FILES.manifestEnvelope), envelope);
}

/**
 * A run folder of its own for a task started alone: `<base>`, `<base>-2` … The folder a generation took once is its
 * own for ever, so that a reset writes where the first run did. Its mark is the beginning of the order file.
 */
export async function reserveRunFolder(base: string, generationId: string): Promise<string> {
  for (let k = 1; ; k += 1) {
    const folder = k === 1 ? base : `${base}-${k}`;
    await makeFolder(folder);
    const order = join(folder, FILES.task);
    if (await createFile(order, jsonText({ schema_version: SCHEMA_VERSION, generation_id: generationId })))
      return folder;
    const taken = await readJson<{ generation_id: string }>(order);
    if (taken?.generation_id === generationId) return folder;
  }
}
