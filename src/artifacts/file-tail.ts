import { open } from 'node:fs/promises';

/** The last bytes of a file as text; empty when there is none. A character that is cut at the front is left out. */
export async function tailText(path: string, bytes: number): Promise<string> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (file === null) return '';
  try {
    const { size } = await file.stat();
    const length = Math.min(size, bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8', length < size ? startOfCharacter(buffer) : 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** UTF-8: bytes `10xxxxxx` go on with a character, of which there are three at most. */
function startOfCharacter(buffer: Buffer): number {
  let start = 0;
  while (start < 3 && ((buffer[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return start;
}
