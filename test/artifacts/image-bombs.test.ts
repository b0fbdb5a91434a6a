/** Small files that would like to be large in memory: what a provider or a link may send (issue 6, point 7). */
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { inspectImage } from '../../src/artifacts/image-file.ts';

const MIB = 1024 * 1024;
const picture = (format: 'jpeg' | 'webp') =>
  sharp({ create: { width: 8, height: 8, channels: 4, background: '#33669980' } })
    .toFormat(format)
    .toBuffer();

/** 256 MiB of zeros in 256 KiB. */
const packed = deflateSync(Buffer.alloc(256 * MIB));
const pixels = deflateSync(Buffer.alloc(4 * (1 + 4 * 3)));

test.each<[string, Buffer, Buffer]>([
  ['text (zTXt)', chunk('zTXt', Buffer.concat([Buffer.from('k\0\0'), packed])), pixels],
  [
    'international text (iTXt)',
    chunk('iTXt', Buffer.concat([Buffer.from('k\0\u0001\0\0\0'), packed])),
    pixels,
  ],
  ['a colour profile (iCCP)', chunk('iCCP', Buffer.concat([Buffer.from('k\0\0'), packed])), pixels],
  ['more pixels than it says (IDAT)', Buffer.alloc(0), packed],
])('a PNG of 4 x 4 pixels with a bomb in %s stays small', async (_, extra, data) => {
  const png = Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', Buffer.from('00000004000000040802000000', 'hex')),
    extra,
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
  await inspectImage(await sharp(pixelsOf(4)).png().toBuffer());
  const { growth, image } = await growthOf(() => inspectImage(png));
  expect(image).toMatchObject({ format: 'png', width: 4, height: 4 });
  expect(growth).toBeLessThan(100 * MIB);
});

test.each<[string, () => Promise<Buffer>]>([
  ['JPEG', async () => claiming(await picture('jpeg'), Buffer.from([0xff, 0xc0]), 5, 'ffffffff')],
  ['WebP', async () => claiming(await picture('webp'), Buffer.from('VP8X'), 12, 'ff3f00ff3f00')],
])('a %s that claims hundreds of millions of pixels is refused, not unpacked', async (_, make) => {
  const bytes = await make();
  const { growth, image } = await growthOf(() => inspectImage(bytes));
  expect((image?.width ?? 0) * (image?.height ?? 0)).toBeGreaterThan(200_000_000);
  expect(image).toMatchObject({ decodes: false });
  expect(growth).toBeLessThan(100 * MIB);
});

/** The header with another size, `at` bytes behind its mark. */
function claiming(bytes: Buffer, mark: Buffer, at: number, size: string): Buffer {
  const place = bytes.indexOf(mark);
  expect(place).toBeGreaterThan(0);
  Buffer.from(size, 'hex').copy(bytes, place + at);
  return bytes;
}

function pixelsOf(side: number) {
  return { create: { width: side, height: side, channels: 3 as const, background: '#000' } };
}

/** Memory in bytes that the work takes at its worst. */
async function growthOf<T>(work: () => Promise<T>): Promise<{ growth: number; image: T }> {
  const before = process.memoryUsage.rss();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss());
  }, 2);
  const image = await work().finally(() => clearInterval(timer));
  return { growth: Math.max(most, process.memoryUsage.rss()) - before, image };
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** Of the PNG specification, Annex D; Node 20 has none of its own. */
function crc32(bytes: Buffer): number {
  let crc = 0xff_ff_ff_ff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xed_b8_83_20 : crc >>> 1;
  }
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}
