/** Orders of every kind, taken through the whole system to their end, for tests that look at what is left on disk. */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import type { BatchSummary } from '../../src/domain/batch-records.ts';
import type { TaskRow } from '../../src/domain/records.ts';
import { failureOf, filesBelow, type System } from './system.ts';

export interface FinishedOrders {
  /** `cover` at the first try, `hero` at the second. */
  batch: BatchSummary;
  rows: TaskRow[];
  /** `solo`: a task alone, img2img, as webp. */
  lone: TaskRow;
  /** A task alone that the provider refused. */
  failed: TaskRow;
  referencePath: string;
}

export async function finishedOrders(system: System): Promise<FinishedOrders> {
  const tasks = [
    { prompt: 'a lighthouse', task_name: 'cover' },
    { prompt: 'a harbour [fault:500 times=1]', task_name: 'hero' },
  ];
  const order = system.batch(tasks, { batch_name: 'article' });
  const batch = await (await system.startBatch(order, 'article-1')).result();
  const { results: rows } = await system.recordOf(batch);
  const shared = { output_dir: system.outputDir, retry_base_delay: 0.1, retry_jitter: 0 };
  const referencePath = await writeReference(system);
  const options = { output_format: 'webp', output_compression: 70, input_image: referencePath };
  const solo = { ...shared, ...options, prompt: 'as a poster', task_name: 'solo' };
  const lone = await (await system.startTask(solo, 'solo-1')).result();
  const refused = { ...shared, prompt: 'refused [fault:moderation_blocked]', task_name: 'refused' };
  const { row: failed } = await failureOf(await system.startTask(refused, 'refused-1'));
  const queue = { state_dir: stateDirOf(system) };
  const queued = system.batch(
    [
      { prompt: 'queued', task_name: 'queued' },
      { prompt: 'again', task_name: 'queued' },
    ],
    { queue },
  );
  await (await system.startBatch(queued, 'q-20261126-010203-a1b2c3')).result();
  return { batch, rows, lone, failed, referencePath };
}

/** Of the queue run among the orders. */
export function stateDirOf({ outputDir }: System): string {
  return join(outputDir, 'queue');
}

/** Everything that the product wrote, home and output; not the config and the reference of the test. */
export async function writtenFiles({ outputDir }: System): Promise<string[]> {
  const folder = dirname(outputDir);
  const names = await filesBelow(folder);
  return names.filter((name) => /^(?:out|home)\//u.test(name)).map((name) => join(folder, name));
}

export async function readJson<T>(...path: (string | null)[]): Promise<T> {
  return JSON.parse(await readFile(join(...path.map(String)), 'utf8')) as T;
}

async function writeReference({ outputDir }: System): Promise<string> {
  const path = join(dirname(outputDir), 'reference.png');
  const create = { width: 64, height: 48, channels: 3, background: '#336699' } as const;
  await writeFile(path, await sharp({ create }).png().toBuffer());
  return path;
}
