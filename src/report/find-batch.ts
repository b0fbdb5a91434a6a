/** The folder of a batch, or of a single run, by what people call it. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FILES } from '../domain/layout.ts';
import { mapLimited } from '../proof/map-limited.ts';
import { listFolder, readRecord } from '../proof/safe-read.ts';
import { textOr } from './fields.ts';
import { kindOf } from './report-data.ts';

/**
 * A batch's folder, a file or run folder in it, the folder of a single run, or the state directory of a queue (its last
 * run); else the newest batch of this id or name in one of `places`, the folders that batches lie in. Null: there is none.
 */
export async function findBatch(named: string, places: readonly string[]): Promise<string | null> {
  if (named === '') return null;
  const path = resolve(named);
  const found = await stat(path).catch(() => null);
  return found === null ? batchById(named, places) : batchAt(found.isDirectory() ? path : dirname(path));
}

async function batchAt(folder: string): Promise<string | null> {
  const queue = await readRecord(folder, FILES.queueState);
  const parent = dirname(folder);
  if ((await kindOf(folder)) === 'batch') return folder;
  if ((await kindOf(parent)) === 'batch') return parent;
  if ((await kindOf(folder)) === 'run') return folder;
  const last = queue.kind === 'read' ? basename(textOr(queue.value['batch_dir'], '')) : '';
  const run = join(folder, FILES.queueRuns, last);
  return last !== '' && (await kindOf(run)) === 'batch' ? run : null;
}

/** Requests read at the same time. */
const AT_ONCE = 16;

async function batchById(id: string, places: readonly string[]): Promise<string | null> {
  const folders = (
    await Promise.all(
      places.map(async (place) => (await listFolder(place)).folders.map((name) => join(place, name))),
    )
  ).flat();
  const told = await mapLimited(folders, AT_ONCE, async (folder) => {
    const read = await readRecord(folder, FILES.batchRequest);
    const { batch_id, batch_name, created_at } = read.kind === 'read' ? read.value : {};
    return { folder, names: [batch_id, batch_name], created: textOr(created_at, '') };
  });
  return (
    told
      .filter(({ names }) => names.includes(id))
      .toSorted((a, b) => a.created.localeCompare(b.created))
      .at(-1)?.folder ?? null
  );
}
