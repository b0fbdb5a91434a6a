import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  inspectImage,
  readReference,
  ReferenceProblem,
  sniffFormat,
} from '../../src/artifacts/image-file.ts';
import { IMAGE_FORMATS, type ImageFormat, TASK_LIMITS } from '../../src/domain/task.ts';
import { tempFolder } from '../support/temp-folder.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** Noise, so that no part of the file can be missing unnoticed. */
function picture(format: ImageFormat, options: object = {}): Promise<Buffer> {
  const raw = Buffer.from(
    Array.from({ length: 96 * 64 * 3 }, (_, i) => (i * 7919 + (i >> 3) * 104_729) % 256),
  );
  return sharp(raw, { raw: { width: 96, height: 64, channels: 3 } })
    .toFormat(format, options)
    .toBuffer();
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

describe('An image is measured from its bytes', () => {
  test.each([
    ['png', 'png', {}],
    ['jpeg', 'jpeg', {}],
    ['progressive jpeg', 'jpeg', { progressive: true }],
    ['lossy webp', 'webp', {}],
    ['lossless webp', 'webp', { lossless: true }],
    ['palette png', 'png', { palette: true }],
  ] as const)('%s', async (_, format, options) => {
    const bytes = await picture(format, options);
    expect(await inspectImage(bytes)).toEqual({
      bytes: bytes.length,
      sha256: sha256(bytes),
      format,
      width: 96,
      height: 64,
      decodes: true,
    });
  });

  test('webp with alpha has an extended header', async () => {
    const create = {
      width: 33,
      height: 17,
      channels: 4,
      background: { r: 1, g: 2, b: 3, alpha: 0.5 },
    } as const;
    const bytes = await sharp({ create }).webp().toBuffer();
    expect(await inspectImage(bytes)).toMatchObject({ format: 'webp', width: 33, height: 17, decodes: true });
  });

  test('jpeg with EXIF before the frame', async () => {
    const bytes = await sharp(await picture('jpeg'))
      .withExif({ IFD0: { Copyright: 'x'.repeat(500) } })
      .jpeg()
      .toBuffer();
    expect(await inspectImage(bytes)).toMatchObject({ width: 96, height: 64, decodes: true });
  });

  const samples = fileURLToPath(new URL('../../../shared/data/gpt-image-2', import.meta.url));
  test('real gpt-image-2 files decode', async ({ skip }) => {
    skip(!existsSync(samples), `there are no real images at ${samples}`);
    const files = readdirSync(samples).filter((name) => name.endsWith('.png'));
    expect(files.length).toBeGreaterThan(0);
    for (const name of files) {
      const bytes = readFileSync(join(samples, name));
      const { width, height } = await sharp(bytes).metadata();
      expect(await inspectImage(bytes)).toMatchObject({
        format: 'png',
        width,
        height,
        decodes: true,
        sha256: sha256(bytes),
      });
    }
  });
});

describe('An image that does not decode completely', () => {
  test.each(IMAGE_FORMATS)('is told from a whole one: cut %s', async (format) => {
    const bytes = await picture(format);
    for (const part of [0.5, 0.9]) {
      const cut = await inspectImage(bytes.subarray(0, Math.floor(bytes.length * part)));
      expect(cut).toMatchObject({ format, width: 96, height: 64, decodes: false });
      expect(cut?.problem).toMatch(/^(?:the pixels cannot be decoded: \S|the file is cut off)/u);
    }
  });

  test('is told from a whole one: a png without the last byte of its end mark (catalogue 51)', async () => {
    const bytes = await picture('png');
    for (const missing of [1, 4, 12]) {
      const cut = await inspectImage(bytes.subarray(0, bytes.length - missing));
      expect([missing, cut]).toMatchObject([missing, { width: 96, decodes: false }]);
    }
    expect(await inspectImage(Buffer.concat([bytes, Buffer.from('more')]))).toMatchObject({ decodes: true });
  });

  test('is told from a whole one: a flipped bit in a png', async () => {
    const bytes = await picture('png');
    expect(await inspectImage(flipped(bytes, Math.floor(bytes.length / 2)))).toMatchObject({
      decodes: false,
    });
  });

  test.each(IMAGE_FORMATS)('is a %s without header', async (format) => {
    const bytes = (await picture(format)).subarray(0, 14);
    expect(await inspectImage(bytes)).toMatchObject({
      width: 0,
      height: 0,
      decodes: false,
      problem: 'the header cannot be read',
    });
  });

  test('is a bomb, refused in no time', async () => {
    const bytes = await picture('png');
    bytes.writeUInt32BE(60_000, 16);
    bytes.writeUInt32BE(60_000, 20);
    expect(await inspectImage(bytes)).toMatchObject({
      width: 60_000,
      height: 60_000,
      decodes: false,
      problem: expect.stringContaining('pixel limit') as unknown,
    });
  });

  test('is a png that claims 0 pixels', async () => {
    const bytes = await picture('png');
    bytes.writeUInt32BE(0, 16);
    expect(await inspectImage(bytes)).toMatchObject({ width: 0, decodes: false });
  });
});

test.each([
  ['nothing', Buffer.alloc(0)],
  ['text', Buffer.from('<html>no image</html>')],
  ['svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')],
  ['gif', Buffer.from('GIF89a\u0001\u0000\u0001\u0000', 'latin1')],
  ['another RIFF file', Buffer.from('RIFF\u0000\u0000\u0000\u0000WAVEfmt ', 'latin1')],
  ['half a signature', Buffer.from([0x89, 0x50, 0x4e])],
])('%s is no image', async (_, bytes) => {
  expect(sniffFormat(bytes)).toBeNull();
  expect(await inspectImage(bytes)).toBeNull();
});

test('sharp is not loaded by importing the module', () => {
  const script = `await import(${JSON.stringify(new URL('../../src/artifacts/image-file.ts', import.meta.url).href)});
    const { createRequire } = await import('node:module');
    const loaded = Object.keys(createRequire(${JSON.stringify(import.meta.url)}).cache).filter((path) => path.includes('sharp'));
    console.log(loaded.length);`;
  expect(
    execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
    }).trim(),
  ).toBe('0');
});

describe('A reference image', () => {
  async function problemOf(path: string, roots: string[] | null = null): Promise<string> {
    const error: unknown = await readReference(path, roots).then(
      () => new Error('it was accepted'),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ReferenceProblem);
    return (error as Error).message;
  }

  function file(bytes: Buffer | string, folder = tempFolder(), name = 'ref.png'): string {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  test.each(IMAGE_FORMATS)('is read whole, with its hash and type, when it is %s', async (format) => {
    const bytes = await picture(format);
    const path = file(bytes, tempFolder(), 'any.name');
    expect(await readReference(path, null)).toEqual({
      bytes,
      sha256: sha256(bytes),
      mime: `image/${format}`,
    });
  });

  test.each<[string, (folder: string) => string, RegExp]>([
    ['is missing', (folder) => join(folder, 'none.png'), /does not exist/u],
    ['is below a file', (folder) => join(file('x', folder), 'none.png'), /does not exist/u],
    ['is a folder', (folder) => folder, /is a folder/u],
    ['is empty', (folder) => file('', folder), /is empty/u],
    ['is text named .png', (folder) => file('hello', folder), /is not a PNG, JPEG or WebP/u],
    [
      'is a png cut in its header',
      (folder) => file(Buffer.from('89504e470d0a1a0a0000', 'hex'), folder),
      /header names no pixel size/u,
    ],
    ['is /dev/zero', () => '/dev/zero', /not a regular file/u],
    ['is the environment of a process', () => '/proc/self/environ', /is empty/u],
    ['has NUL in its name', () => 'a\0b.png', /cannot be opened \(ERR_INVALID_ARG_VALUE\)/u],
    ['has an endless name', () => `/${'x'.repeat(5000)}`, /cannot be opened \(ENAMETOOLONG\)/u],
  ])('that %s is refused', async (_, make, reason) => {
    const path = make(tempFolder());
    const problem = await problemOf(path);
    expect(problem).toMatch(reason);
    expect(problem).toContain(JSON.stringify(path));
  });

  test('that is a pipe is refused without waiting for a writer', async () => {
    const path = join(tempFolder(), 'pipe.png');
    execFileSync('mkfifo', [path]);
    expect(await problemOf(path)).toMatch(/not a regular file/u);
  });

  test('that is a socket is refused', async () => {
    const path = join(tempFolder(), 's.png');
    const server = createServer();
    onTestFinished(() => void server.close());
    await new Promise<void>((ready) => server.listen(path, ready));
    expect(await problemOf(path)).toMatch(/not a regular file/u);
  });

  test('may have exactly 50 MiB, and not a byte more', async () => {
    const path = file(await picture('png'));
    truncateSync(path, TASK_LIMITS.referenceBytes);
    expect((await readReference(path, null)).bytes).toHaveLength(TASK_LIMITS.referenceBytes);
    truncateSync(path, TASK_LIMITS.referenceBytes + 1);
    expect(await problemOf(path)).toMatch(/is too large: 50\.0 MiB \(52428801 bytes\), at most 50\.0 MiB/u);
  });

  test('that is a symbolic link is refused, also inside the roots', async () => {
    const folder = tempFolder();
    const path = join(folder, 'link.png');
    symlinkSync(file(await picture('png'), folder), path);
    expect(await problemOf(path, [folder])).toMatch(/is a symbolic link/u);
  });

  test('is only read from the allowed folders, wherever its path leads', async () => {
    const [allowed, other] = [tempFolder(), tempFolder()];
    const bytes = await picture('png');
    const inside = file(bytes, allowed);
    const outside = file(bytes, other);
    symlinkSync(other, join(allowed, 'way-out'));
    symlinkSync(allowed, join(other, 'way-in'));
    mkdirSync(`${allowed}-twin`);
    onTestFinished(() => void execFileSync('rm', ['-r', `${allowed}-twin`]));
    const twin = file(bytes, `${allowed}-twin`);

    expect((await readReference(inside, [other, allowed])).bytes).toEqual(bytes);
    expect((await readReference(inside, ['/'])).bytes).toEqual(bytes);
    expect((await readReference(inside, [join(other, 'way-in')])).bytes).toEqual(bytes);
    expect((await readReference(join(other, 'way-in', 'ref.png'), [allowed])).bytes).toEqual(bytes);
    for (const path of [
      outside,
      join(allowed, 'way-out', 'ref.png'),
      join(allowed, '..', outside.split('/').at(-2) ?? '', 'ref.png'),
      twin,
    ]) {
      expect(await problemOf(path, [allowed])).toContain(`is outside of the allowed folders (${allowed})`);
    }
    expect(await problemOf(inside, [])).toContain('(none is configured)');
    expect(await problemOf(inside, [join(allowed, 'no-such-folder')])).toContain(
      'outside of the allowed folders',
    );
  });

  test('that this user may not read is refused', ({ skip }) => {
    skip(process.getuid?.() !== 0, 'only root can become somebody who may not read the file');
    const path = file('x');
    execFileSync('chmod', ['700', join(path, '..')]);
    const script = `const { readReference } = await import(${JSON.stringify(new URL('../../src/artifacts/image-file.ts', import.meta.url).href)});
      process.setuid(65534);
      await readReference(${JSON.stringify(path)}, null).catch((error) => console.log(error.message));`;
    const said = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    expect(said).toMatch(/is not readable for this user/u);
  });
});
