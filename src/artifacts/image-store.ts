import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageFormat } from '../domain/task.ts';
import { createFile, makeFolder } from '../host/durable-file.ts';
import type { SpoolEntry } from './spool.ts';

/** Extension of each format (SPEC F1: the true one of the bytes). */
export const EXTENSIONS: Record<ImageFormat, string> = { png: 'png', jpeg: 'jpg', webp: 'webp' };

export interface ImagePlace {
  outputDir: string;
  /** Safe file name without extension: `<task_name>-<stamp>`. */
  baseName: string;
  format: ImageFormat;
}

/**
 * Save the bytes exactly as received, under a name nobody has (SPEC F1, G5). Saving again for the same generation
 * finds the first file. Returns its path.
 */
export async function saveImage(entry: SpoolEntry, place: ImagePlace, image: Buffer): Promise<string> {
  await makeFolder(place.outputDir);
  for (let k = 1; ; k += 1) {
    const suffix = k === 1 ? '' : `-${k}`;
    const wanted = join(place.outputDir, `${place.baseName}${suffix}.${EXTENSIONS[place.format]}`);
    const path = k === 1 ? await entry.reserveImagePath(wanted) : wanted;
    if (await createFile(path, image)) return path;
    if (await holds(path, image)) return path;
  }
}

async function holds(path: string, image: Buffer): Promise<boolean> {
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  return sha256(await readFile(path)) === sha256(image);
}
