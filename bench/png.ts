/** The fixed picture that every call is answered with. */
import { crc32 } from 'node:zlib';
import sharp from 'sharp';

/** The size that is asked for when a task names none. */
const SIDE_PIXELS = 1024;
const ROW_BYTES = SIDE_PIXELS * 3;

/** A real PNG of about `bytes` bytes: rows of noise, which no compression shortens, above a smooth gradient. */
export async function benchPng(bytes: number): Promise<Buffer> {
  const pixels = Buffer.alloc(ROW_BYTES * SIDE_PIXELS);
  const noiseBytes = Math.min(pixels.length, Math.floor(bytes / ROW_BYTES) * ROW_BYTES);
  for (let at = 0, seed = 1; at < noiseBytes; at += 4) {
    seed = xorshift(seed);
    pixels.writeInt32LE(seed, at);
  }
  for (let at = noiseBytes; at < pixels.length; at += 3) {
    const pixel = at / 3;
    pixels[at] = (pixel % SIDE_PIXELS) >> 2;
    pixels[at + 1] = Math.floor(pixel / SIDE_PIXELS) >> 2;
    pixels[at + 2] = 128;
  }
  const raw = { width: SIDE_PIXELS, height: SIDE_PIXELS, channels: 3 } as const;
  return sharp(pixels, { raw }).png({ compressionLevel: 9, adaptiveFiltering: true }).toBuffer();
}

/** The same picture with a text chunk of its own: a proof rightly refuses an image that came before. */
export function labelled(png: Buffer, label: string): Buffer {
  const end = png.length - IEND_BYTES;
  return Buffer.concat([png.subarray(0, end), textChunk(`Comment\0${label}`), png.subarray(end)]);
}

/** Length, type and checksum of the last chunk, which has no content. */
const IEND_BYTES = 12;

function textChunk(text: string): Buffer {
  const content = Buffer.from(`tEXt${text}`, 'latin1');
  const chunk = Buffer.alloc(content.length + 8);
  chunk.writeUInt32BE(content.length - 4, 0);
  content.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(content), content.length + 4);
  return chunk;
}

/** Marsaglia's generator of 32 bits: the picture is the same on every machine. */
function xorshift(seed: number): number {
  let next = seed ^ (seed << 13);
  next ^= next >>> 17;
  return next ^ (next << 5);
}
