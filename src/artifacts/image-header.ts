/** Format and pixel size of an image from its first bytes, without decoding anything. */
import type { ImageFormat } from '../domain/task.ts';

export interface PixelSize {
  width: number;
  height: number;
}

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** By magic bytes; null when it is none of the formats that are sent and received here. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | null {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(16, bytes.byteLength));
  if (head.subarray(0, 8).equals(PNG_SIGNATURE)) return 'png';
  if (head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff) return 'jpeg';
  return head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP'
    ? 'webp'
    : null;
}

/** Size as the header says; null when the header can't be read or says zero. */
export function readPixelSize(bytes: Buffer, format: ImageFormat): PixelSize | null {
  try {
    const size = SIZE_READERS[format](bytes);
    return size !== null && size.width > 0 && size.height > 0 ? size : null;
  } catch (error) {
    // A read past the end: the header is cut off.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** True when the chunks of a PNG go on to its end mark: a decoder is content without the last ones. */
export function hasPngEnd(bytes: Buffer): boolean {
  for (let at = PNG_SIGNATURE.length; at + PNG_CHUNK_BYTES <= bytes.length;) {
    const next = at + PNG_CHUNK_BYTES + bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IEND') return next <= bytes.length;
    at = next;
  }
  return false;
}

/** Length, type and CRC around the data of a chunk. */
const PNG_CHUNK_BYTES = 12;

const SIZE_READERS: Record<ImageFormat, (bytes: Buffer) => PixelSize | null> = {
  png: pngSize,
  jpeg: jpegSize,
  webp: webpSize,
};

function pngSize(bytes: Buffer): PixelSize | null {
  if (bytes.toString('latin1', 12, 16) !== 'IHDR') return null;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** Walks the segments to the frame header (SOF0 to SOF15 without DHT, JPG, DAC). */
function jpegSize(bytes: Buffer): PixelSize | null {
  for (let at = 2; ;) {
    if (bytes.readUInt8(at) !== 0xff) return null;
    const marker = bytes.readUInt8(at + 1);
    if (marker === 0xff) {
      at += 1;
    } else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    } else if (marker === 0xd9 || marker === 0xda) {
      return null;
    } else {
      at += 2 + bytes.readUInt16BE(at + 2);
    }
  }
}

function webpSize(bytes: Buffer): PixelSize | null {
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    default:
      return null;
  }
}
