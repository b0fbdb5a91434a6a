/** A batch as one file, and what `verify` makes of it and of files that only look like it. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { unpack } from '../../src/proof/package.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { exportBatch, ExportRefused } from '../../src/report/export-package.ts';
import { sha256 } from '../support/proven-records.ts';
import { copyOf, filesUnder, type SignedBatch, signedBatch, trusted } from '../support/signed-batch.ts';
import { startSystem, type System } from '../support/system.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { namesOf, zipOf } from '../support/zip-bytes.ts';

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
  const histories = async (folder: string) => {
    writeFileSync(join(folder, '0000-exported.json'), '{"events":[]}');
    return { missing: null };
  };
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
    const { zip, keys } = await exported(batch.record.batch_dir, {
      histories: () => Promise.resolve({ missing: 'no server' }),
    });
    const { folder, remove } = await unpack(zip);
    expect(readFileSync(join(folder, 'README.txt'), 'utf8')).toContain(
      'There are no histories of Temporal in it: no server.',
    );
    await remove();
    const again = { keys, lang: 'en' as const, histories: () => Promise.resolve({ missing: null }) };
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

describe('a package holds what imgproof wrote, and nothing else:', () => {
  const namesIn = async (zip: string) => {
    const { folder, remove, problem } = await unpack(zip);
    expect(problem).toBe(null);
    const names = filesUnder(folder).map((path) => path.slice(folder.length + 1));
    const record = JSON.parse(readFileSync(join(folder, 'imgproof-package.json'), 'utf8')) as {
      left_out: string[];
    };
    await remove();
    return { names, leftOut: record.left_out.join('\n') };
  };

  test('other files, links, earlier packages, and files that a record calls references, stay out and are named', async () => {
    const copy = copyOf(batch);
    const secret = join(tempFolder(), 'id_rsa');
    writeFileSync(secret, 'PRIVATE');
    writeFileSync(join(copy.batchDir, '.env'), 'KEY=1');
    writeFileSync(join(copy.batchDir, 'earlier.zip'), 'PK');
    symlinkSync(secret, join(copy.runs[1] as string, 'attempt-01', 'image.png'));
    copy.change(join(copy.runs[0] as string, 'result.json'), (text) =>
      text.replace(
        '"input_images": []',
        `"input_images": [{"path": "${secret}", "sha256": "${sha256('PRIVATE')}", "bytes": 7}]`,
      ),
    );
    const { names, leftOut } = await namesIn((await exported(copy.batchDir)).zip);
    expect(names.filter((name) => /id_rsa|\.env|\.zip|image\.png/u.test(name))).toEqual([]);
    for (const name of ['id_rsa', '.env', 'earlier.zip', 'image.png']) expect(leftOut).toContain(name);
  });

  test('a result that nobody ordered goes in, because it speaks against the batch', async () => {
    const copy = copyOf(batch);
    cpSync(copy.runs[0] as string, join(copy.batchDir, '99-extra'), { recursive: true });
    const { zip, keys } = await exported(copy.batchDir);
    const { items } = await verifyPaths([zip], { keys });
    expect(items[0]?.broken.map(({ id }) => id)).toContain('batch-no-extra');
  });

  test('names that differ by case alone', async () => {
    const copy = copyOf(batch);
    const run = copy.runs[0] as string;
    const [lower, upper] = ['a.png', 'A.png'].map((name) => join(copy.batchDir, '..', name)) as [
      string,
      string,
    ];
    for (const path of [lower, upper]) cpSync(copy.images[1] as string, path);
    const hash = sha256(readFileSync(lower));
    copy.change(join(run, 'result.json'), (text) =>
      text.replace(
        '"input_images": []',
        `"input_images": ${JSON.stringify([lower, upper].map((path) => ({ path, sha256: hash, bytes: 1 })))}`,
      ),
    );
    const { names } = await namesIn((await exported(copy.batchDir)).zip);
    expect(names.filter((name) => /\/a\.png$/iu.test(name))).toHaveLength(2);
  });

  test('in an order that does not change', async () => {
    const { batchDir } = copyOf(batch);
    const order = async () => namesOf(readFileSync((await exported(batchDir)).zip));
    expect(await order()).toEqual(await order());
  });

  test.each<[string, (folder: string) => string, string]>([
    ['a folder', (folder) => folder, 'is a folder'],
    ['in a folder that is not there', (folder) => join(folder, 'no', 'out.zip'), 'there is no folder'],
  ])('a place that is %s is refused', async (_, place, reason) => {
    const folder = tempFolder();
    const options = {
      keys: { keys: [], source: '' },
      lang: 'en' as const,
      force: true,
      histories: () => Promise.resolve({ missing: null }),
    };
    await expect(exportBatch(batch.record.batch_dir, place(folder), options)).rejects.toThrow(reason);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each<[string, (path: string) => void]>([
    ['goes away', (path) => rmSync(path)],
    ['becomes a link', (path) => (rmSync(path), symlinkSync('/etc/hostname', path))],
    ['becomes a pipe', (path) => (rmSync(path), spawnSync('mkfifo', [path]))],
  ])('a file that %s meanwhile ends it, and nothing is left', async (_, change) => {
    const copy = copyOf(batch);
    const folder = tempFolder();
    const histories = () => {
      change(join(copy.runs[0] as string, 'state.json'));
      return Promise.resolve({ missing: null });
    };
    const options = { keys: { keys: [], source: '' }, lang: 'en' as const, force: false, histories };
    await expect(exportBatch(copy.batchDir, join(folder, 'out.zip'), options)).rejects.toThrow(
      /state\.json|ELOOP/u,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a byte changed anywhere in what it holds is noticed', async () => {
    const { zip, keys } = await exported(batch.record.batch_dir);
    const bytes = readFileSync(zip);
    // Behind it are names and sizes; dates and attributes among them say nothing.
    const content = bytes.indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    const noticed: boolean[] = [];
    for (let i = 0; i < 12; i += 1) {
      const changed = Buffer.from(bytes);
      // Not the first 40 bytes: the local header of README.txt, whose words the directory repeats.
      const at = Math.floor(40 + ((content - 44) * i) / 12);
      changed.writeUInt8(changed.readUInt8(at) ^ 4, at);
      writeFileSync(zip, changed);
      noticed.push((await verifyPaths([zip], { keys })).items[0]?.verdict !== 'proven');
    }
    expect(noticed.filter((one) => !one).length).toBeLessThanOrEqual(1);
  });

  test('with another name than .zip', async () => {
    const { zip, keys } = await exported(batch.record.batch_dir);
    const other = join(tempFolder(), 'package');
    cpSync(zip, other);
    expect((await verifyPaths([other], { keys })).items[0]?.verdict).toBe('proven');
  });

  test('of which a file was taken away is not whole', async () => {
    const zip = join(tempFolder(), 'less.zip');
    writeFileSync(
      zip,
      await zipOf({
        'imgproof-package.json': JSON.stringify({ schema_version: 1, batch_dir: 'evidence/b', files: 2 }),
        'evidence/b/batch_request.json': '{}',
      }),
    );
    expect((await verifyPaths([zip])).items[0]).toMatchObject({
      verdict: 'unreadable',
      note: expect.stringContaining('says it holds 2 files of evidence and holds 1'),
    });
  });
});
