/** Images that cost nothing to make and differ from each other: one plain picture, each with a text chunk of its own. */
import { crc32 } from 'node:zlib';
import sharp from 'sharp';

/** Signature and IHDR: what stands before the first other chunk of a PNG. */
const HEAD_BYTES = 8 + 25;

export async function differentImages(count: number): Promise<Buffer[]> {
  const plain = await sharp({ create: { width: 1024, height: 1024, channels: 3, background: '#336699' } })
    .png({ palette: true })
    .toBuffer();
  return Array.from({ length: count }, (_, i) =>
    Buffer.concat([plain.subarray(0, HEAD_BYTES), textChunk(`image ${i}`), plain.subarray(HEAD_BYTES)]),
  );
}

function textChunk(text: string): Buffer {
  const content = Buffer.from(`tEXtComment\0${text}`, 'latin1');
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length - 4);
  check.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, check]);
}
