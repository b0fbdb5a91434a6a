import { open } from 'node:fs/promises';

/** The last bytes of a text file, without a character that was cut in two; empty when it can't be read. */
export async function fileTail(path: string, bytes: number): Promise<string> {
  const file = await open(path).catch(() => null);
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytes);
    const { buffer } = await file.read({ buffer: Buffer.alloc(length), position: size - length });
    return buffer.toString('utf8').replace(/^\uFFFD+/u, '');
  } finally {
    await file.close();
  }
}
