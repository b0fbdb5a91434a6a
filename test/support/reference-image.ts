import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';

/** A small PNG of one colour, for tasks that need a reference; the bytes as they are on disk. */
export async function writeReference(path: string, background = '#336699'): Promise<Buffer> {
  const create = { width: 64, height: 64, channels: 3, background } as const;
  const bytes = await sharp({ create }).png().toBuffer();
  await writeFile(path, bytes);
  return bytes;
}
