/** A batch as one file, and what `verify` makes of it and of files that only look like it. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createWriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import yazl from 'yazl';
import { unpack } from '../../src/proof/package.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { exportBatch, ExportRefused } from '../../src/report/export-package.ts';
import { copyOf, filesUnder, type SignedBatch, signedBatch, trusted } from '../support/signed-batch.ts';
import { startSystem, type System } from '../support/system.ts';
import { tempFolder } from '../support/temp-folder.ts';

let system: System;
let batch: SignedBatch;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  batch = await signedBatch(system, 'exported');
  return system.stop;
});

const exported = async (batchDir: string, options = {}) => {
  const zip = join(tempFolder(), 'out.zip');
  const keys = await trusted(batch.keys);
  const histories = new Map([['0000-exported.json', '{"events":[]}']]);
  const done = await exportBatch(batchDir, zip, { keys, lang: 'en', force: false, histories, ...options });
  if (done === null) throw new Error('no batch');
  return { ...done, keys };
};

describe('an exported batch', () => {
  test('is verified as it is, without the originals: images, signatures, manifest', async () => {
    const { zip, keys, record } = await exported(copyOf(batch).batchDir);
    const report = await verifyPaths([zip], { keys, required: ['signature'] });
    expect(report.items.map(({ kind, verdict }) => [kind, verdict])).toEqual([
      ['batch', 'proven'],
      ['result', 'proven'],
      ['result', 'proven'],
      ['result', 'not completed'],
    ]);
    expect(report.items[1]?.image).toMatch(/out\.zip!\/evidence\/one-.*\.png$/u);
    expect(record).toMatchObject({ batch_id: 'exported', histories: ['histories/0000-exported.json'] });
  });

  test('holds the report with links into it, histories, trust list, keys and a README; no private key', async () => {
    const { zip } = await exported(batch.record.batch_dir);
    const { folder, remove, problem } = await unpack(zip);
    expect(problem).toBe(null);
    const names = filesUnder(folder).map((path) => path.slice(folder.length + 1));
    expect(names).toEqual(
      expect.arrayContaining(['README.txt', 'keys.json', 'imgproof-package.json', 'trust/c2pa-signers.pem']),
    );
    const html = readFileSync(join(folder, 'report', 'index.html'), 'utf8');
    const links = [...html.matchAll(/"(?:image_link|result_link|thumb)":"(?<link>[^"]+)"/gu)];
    expect(links).toHaveLength(7);
    for (const { groups } of links)
      expect(existsSync(join(folder, 'report', decodeURIComponent(String(groups?.['link']))))).toBe(true);
    for (const path of filesUnder(folder)) expect(readFileSync(path).includes('PRIVATE KEY')).toBe(false);
    await remove();
  });

  test('without histories says so; a file that is there is only replaced by --force', async () => {
    const { zip, keys } = await exported(batch.record.batch_dir, { histories: { missing: 'no server' } });
    const { folder, remove } = await unpack(zip);
    expect(readFileSync(join(folder, 'README.txt'), 'utf8')).toContain(
      'There are no histories of Temporal in it: no server.',
    );
    await remove();
    const again = { keys, lang: 'en' as const, histories: new Map<string, string>() };
    await expect(exportBatch(batch.record.batch_dir, zip, { ...again, force: false })).rejects.toThrow(
      ExportRefused,
    );
    expect(await exportBatch(batch.record.batch_dir, zip, { ...again, force: true })).not.toBe(null);
    expect(readdirSync(join(zip, '..'))).toEqual(['out.zip']);
  });

  test('in which one byte of an image is another one is not proven', async () => {
    const copy = copyOf(batch);
    const [image] = copy.images as [string];
    const bytes = readFileSync(image);
    bytes.writeUInt8(bytes.readUInt8(5_000) ^ 1, 5_000);
    writeFileSync(image, bytes);
    const { zip, keys } = await exported(copy.batchDir);
    const { items, ok } = await verifyPaths([zip], { keys });
    expect([ok, items[1]?.broken.map(({ id }) => id)]).toEqual([
      false,
      expect.arrayContaining(['image-sha256', 'signature-holds']),
    ]);
  });
});

describe('a file that only looks like a package is unreadable, with the reason:', () => {
  const verdictOf = async (bytes: Buffer) => {
    const zip = join(tempFolder(), 'hostile.zip');
    writeFileSync(zip, bytes);
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('imgproof-package-'));
    const { items, ok } = await verifyPaths([zip]);
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('imgproof-package-'));
    expect([ok, after.length]).toEqual([false, before.length]);
    return items[0]?.note ?? '';
  };

  test.each<[string, () => Promise<Buffer> | Buffer, string]>([
    ['no ZIP', () => Buffer.from('PK, but not really'), 'is no ZIP that can be read'],
    [
      'half of one',
      async () => (await zipOf({ 'a.txt': 'hello' })).subarray(0, 60),
      'is no ZIP that can be read',
    ],
    [
      'one without a batch',
      () => zipOf({ 'a.txt': 'hello' }),
      'no imgproof-package.json in it that names a batch',
    ],
    [
      'one whose batch is outside',
      () => zipOf({ 'imgproof-package.json': '{"batch_dir": "../../etc"}' }),
      'no imgproof-package.json in it that names a batch',
    ],
    [
      'a name that leads out',
      async () => renamed(await zipOf({ 'aa/evil.txt': 'x' }), 'aa/evil.txt', '../evil.txt'),
      'invalid relative path',
    ],
    [
      'an absolute name',
      async () => renamed(await zipOf({ 'aevil.txt': 'x' }), 'aevil.txt', '/evil.txt'),
      'absolute path',
    ],
    ['a link', () => zipOf({ link: '/etc/passwd' }, 0o120777), 'something that is no regular file'],
    ['the same file twice', async () => renamed(await zipOf({ a: '1', b: '2' }), 'b', 'a'), 'has a twice'],
  ])('%s', async (_, make, reason) => {
    expect(await verdictOf(await make())).toContain(reason);
  });
});

async function zipOf(files: Record<string, string>, mode = 0o100644): Promise<Buffer> {
  const archive = new yazl.ZipFile();
  for (const [name, text] of Object.entries(files))
    archive.addBuffer(Buffer.from(text), name, { mode, compress: false });
  archive.end();
  const path = join(tempFolder(), 'made.zip');
  await pipeline(archive.outputStream, createWriteStream(path));
  return readFileSync(path);
}

/** In both headers, by a name of the same length. */
function renamed(zip: Buffer, from: string, to: string): Buffer {
  expect(to.length).toBe(from.length);
  const name = (text: string) => Buffer.from(text);
  const changed = Buffer.from(zip);
  for (
    let at = zip.lastIndexOf(name(from));
    at !== -1;
    at = at === 0 ? -1 : zip.lastIndexOf(name(from), at - 1)
  )
    if (isName(zip, at, from.length)) name(to).copy(changed, at);
  return changed;
}

/** Behind a local header (30 bytes) or a central one (46 bytes). */
function isName(zip: Buffer, at: number, length: number): boolean {
  const is = (back: number, signature: number, lengthAt: number) =>
    at >= back &&
    zip.readUInt32LE(at - back) === signature &&
    zip.readUInt16LE(at - back + lengthAt) === length;
  return is(30, 0x04034b50, 26) || is(46, 0x02014b50, 28);
}
