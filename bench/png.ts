/** The fixed picture that every call is answered with. */
import { crc32 } from 'node:zlib';
import sharp from 'sharp';

/** The size that is asked for when a task names none. */
const USUAL_SIDE_PIXELS = 1024;
/** With alpha: the largest picture that the API makes has no 30 MB without it. */
const CHANNELS = 4;
/** Sides of generated images are multiples of it. */
const STEP_PIXELS = 16;

/** A square that has room for so many bytes of noise, as the API writes sizes. */
export function sizeFor(bytes: number): string {
  const side = sideFor(bytes);
  return `${side}x${side}`;
}

/** A real PNG of about `bytes` bytes: rows of noise, which no compression shortens, above a smooth gradient. */
export async function benchPng(bytes: number): Promise<Buffer> {
  const side = sideFor(bytes);
  const rowBytes = side * CHANNELS;
  const pixels = Buffer.alloc(rowBytes * side);
  const noiseBytes = Math.min(pixels.length, Math.floor(bytes / rowBytes) * rowBytes);
  for (let at = 0, seed = 1; at < noiseBytes; at += 4) {
    seed = xorshift(seed);
    pixels.writeInt32LE(seed, at);
  }
  for (let at = noiseBytes; at < pixels.length; at += CHANNELS) {
    const pixel = at / CHANNELS;
    pixels[at] = (pixel % side) >> 2;
    pixels[at + 1] = Math.floor(pixel / side) >> 2;
    pixels[at + 2] = 128;
    pixels[at + 3] = 255;
  }
  const raw = { width: side, height: side, channels: CHANNELS } as const;
  return sharp(pixels, { raw }).png({ compressionLevel: 9, adaptiveFiltering: true }).toBuffer();
}

function sideFor(bytes: number): number {
  const side = Math.ceil(Math.sqrt(bytes / CHANNELS) / STEP_PIXELS) * STEP_PIXELS;
  return Math.max(USUAL_SIDE_PIXELS, side);
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
