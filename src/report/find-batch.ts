/** The folder of a batch by what people call it. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { readBatchRequest } from '../artifacts/batch-folder.ts';
import { readQueueState } from '../artifacts/queue-folder.ts';
import { FILES } from '../domain/layout.ts';
import { listFolder } from '../proof/safe-read.ts';

/**
 * A batch's folder, a file or run folder in it, or the state directory of a queue (its last run); else the newest batch of
 * this id below the output directory. Null when there is none.
 */
export async function findBatch(named: string, outputDir: string): Promise<string | null> {
  const path = resolve(named);
  const found = await stat(path).catch(() => null);
  if (found !== null) return batchAt(found.isDirectory() ? path : dirname(path));
  return named === '' ? null : batchById(named, outputDir);
}

async function batchAt(folder: string): Promise<string | null> {
  for (const place of [folder, dirname(folder)]) if ((await readBatchRequest(place)) !== null) return place;
  const queue = await readQueueState(folder);
  if (queue === null) return null;
  const here = join(folder, FILES.queueRuns, basename(queue.batch_dir));
  return (await readBatchRequest(here)) === null ? null : here;
}

async function batchById(id: string, outputDir: string): Promise<string | null> {
  const place = join(outputDir, FILES.batches);
  const { folders } = await listFolder(place);
  const requests = await Promise.all(
    folders.map(async (name) => ({ name, request: await readBatchRequest(join(place, name)) })),
  );
  const mine = requests.filter(({ request }) => request?.batch_id === id || request?.batch_name === id);
  const newest = mine.toSorted((a, b) => a.request!.created_at.localeCompare(b.request!.created_at)).at(-1);
  return newest === undefined ? null : join(place, newest.name);
}
