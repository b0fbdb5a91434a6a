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

/** The path of this generation's image, the same whenever it is asked for again; its folder is made. */
export async function reserveImage(entry: SpoolEntry, place: ImagePlace): Promise<string> {
  await makeFolder(place.outputDir);
  return entry.reserveImagePath(pathOf(place, 1));
}

/**
 * Save the bytes exactly as received, under a name nobody has (SPEC F1, G5). Saving again for the same generation
 * finds the first file. Returns its path.
 */
export async function saveImage(reservedPath: string, place: ImagePlace, image: Buffer): Promise<string> {
  for (let k = 1; ; k += 1) {
    const path = k === 1 ? reservedPath : pathOf(place, k);
    if (await createFile(path, image)) return path;
    if (await holds(path, image)) return path;
  }
}

function pathOf({ outputDir, baseName, format }: ImagePlace, k: number): string {
  return join(outputDir, `${baseName}${k === 1 ? '' : `-${k}`}.${EXTENSIONS[format]}`);
}

async function holds(path: string, image: Buffer): Promise<boolean> {
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  return sha256(await readFile(path)) === sha256(image);
}
