/** Images as they are: measured from their bytes, decoded to the last pixel, never changed (SPEC G5, G9). */
import { webcrypto } from 'node:crypto';
import type { ImageFacts } from '../domain/records.ts';
import type { ImageFormat } from '../domain/task.ts';
import { hasPngEnd, readPixelSize, sniffFormat } from './image-header.ts';

export { sniffFormat } from './image-header.ts';
export { ReferenceProblem, readReference } from './reference-file.ts';

export interface InspectedImage extends ImageFacts {
  /** True when every pixel decodes without a warning. */
  decodes: boolean;
  /** Why it doesn't, in one line. */
  problem?: string;
}

/** Four times the largest image of the API; a bomb of more pixels is not decoded. */
const MAX_PIXELS = 34_000_000;

/**
 * Null when the bytes are not PNG, JPEG or WebP. Width and height are the header's, 0 when it can't be read. `decodedBefore`
 * is the sha256 of bytes that are known to decode: the same bytes are not decoded once more.
 */
export async function inspectImage(
  bytes: Buffer,
  decodedBefore: string | null = null,
): Promise<InspectedImage | null> {
  const format = sniffFormat(bytes);
  if (format === null) return null;
  const size = readPixelSize(bytes, format);
  const sha256 = await hashOf(bytes);
  const problem =
    size === null
      ? 'the header cannot be read'
      : sha256 === decodedBefore
        ? null
        : await decodingProblem(bytes, format);
  return {
    bytes: bytes.length,
    sha256,
    format,
    ...(size ?? { width: 0, height: 0 }),
    decodes: problem === null,
    ...(problem === null ? {} : { problem }),
  };
}

/** 1 × 1, grey. */
const SMALLEST_PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAACklEQVQImWPoAAAAigCJQ82BGQAAAABJRU5ErkJggg==',
  'base64',
);

/** Why images can't be decoded on this host, in one line; null when they can. */
export async function decoderProblem(): Promise<string | null> {
  return decodingProblem(SMALLEST_PNG, 'png').catch((error: unknown) =>
    (error as Error).message.replaceAll(/\s+/gu, ' ').slice(0, 300),
  );
}

/** In a thread of its own: many images are hashed while others are read. */
async function hashOf(bytes: Buffer): Promise<string> {
  const digest = await webcrypto.subtle.digest(
    'SHA-256',
    new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length),
  );
  return Buffer.from(digest).toString('hex');
}

/** Loaded on first use: `--help` has no need of it. A sharp that can't be loaded is thrown, it says nothing of the image. */
async function decodingProblem(bytes: Buffer, format: ImageFormat): Promise<string | null> {
  if (format === 'png' && !hasPngEnd(bytes)) return 'the file is cut off: it has no end mark (IEND)';
  const { default: sharp } = await import('sharp');
  try {
    // One channel says it of all, and its buffer is a third in size.
    const decoding = sharp(bytes, { failOn: 'warning', limitInputPixels: MAX_PIXELS });
    await decoding.extractChannel(0).raw().toBuffer();
    return null;
  } catch (error) {
    return `the pixels cannot be decoded: ${(error as Error).message.replaceAll(/\s+/gu, ' ').slice(0, 300)}`;
  }
}
