/** `verify` on a real batch on disk: what a path may be (SPEC P2). */
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { verifyPaths } from '../../src/proof/verify.ts';
import { type ProvenBatch, provenBatch } from '../support/proven-batch.ts';
import { asLoneRun, editJson } from '../support/tamper.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { brokenIds } from '../support/verify-report.ts';

let root: string;
let batch: ProvenBatch;

beforeEach(async () => {
  root = tempFolder();
  batch = await provenBatch(root);
});

describe('a good batch', () => {
  test.each<[string, () => string]>([
    ['its directory', () => batch.batchDir],
    ['its batch_result.json', () => batch.summaryPath],
    ['the output directory', () => batch.outputDir],
    ['the folder of batches', () => join(batch.outputDir, 'batches')],
  ])('is proven by %s', async (_, path) => {
    const report = await verifyPaths([path()]);
    expect(brokenIds(report)).toEqual([]);
    expect(report.ok).toBe(true);
    expect(report.totals).toMatchObject({ checked: 3, batches: 1, batches_not_ok: 0 });
    expect(report.totals.verdicts.proven).toBe(3);
  });

  test.each<[string, () => string]>([
    ['a result.json', () => batch.tasks[2].resultPath],
    ['a run directory', () => batch.tasks[2].folder],
    ['an image', () => batch.tasks[2].imagePath],
    [
      'a path with ..',
      () => `${batch.batchDir}/../../batches/./${batch.batchDir.split('/').at(-1)}/03-redraw`,
    ],
    ['a run directory with / at its end', () => `${batch.tasks[2].folder}/`],
  ])('one task is proven by %s', async (_, path) => {
    const report = await verifyPaths([path()]);
    expect(report).toMatchObject({ ok: true, totals: { checked: 1, batches: 0 } });
    expect(report.items[0]).toMatchObject({
      kind: 'result',
      task: 'redraw',
      path: batch.tasks[2].resultPath,
      image: batch.tasks[2].imagePath,
      verdict: 'proven',
    });
  });

  test('a lone run below _runs is proven, and is the same result as its copy in the batch', async () => {
    const folder = asLoneRun(batch, batch.tasks[0]);
    expect(await verifyPaths([folder])).toMatchObject({ ok: true, totals: { checked: 1 } });
    expect(await verifyPaths([batch.outputDir])).toMatchObject({ ok: true, totals: { checked: 4 } });
  });

  test('the same thing named twice is one item', async () => {
    const report = await verifyPaths([batch.batchDir, batch.tasks[0].folder, batch.batchDir]);
    expect(report.items).toHaveLength(4);
  });

  test('nothing is written', async () => {
    const before = readdirSync(root, { recursive: true });
    await verifyPaths([batch.outputDir, batch.tasks[0].imagePath]);
    expect(readdirSync(root, { recursive: true })).toEqual(before);
  });
});

describe('nothing to verify is a failure that says so', () => {
  const only = async (path: string) => {
    const report = await verifyPaths([path]);
    expect(report.ok).toBe(false);
    expect(report.items).toHaveLength(1);
    return report.items[0];
  };

  test.each<[string, string, () => string]>([
    ['an empty directory', 'there is no proof in this folder', () => join(root, 'refs')],
    ['a path that is not there', 'there is no such file or folder', () => join(root, 'nowhere')],
    ['an image without a result', 'names this file', () => batch.referencePath],
    ['a file that is no image', 'names this file', () => join(root, 'note.txt')],
    ['an empty path', 'the path is empty', () => ''],
    ['a device', 'neither a file nor a folder', () => '/dev/null'],
    ['a path with a zero byte', 'cannot be looked at', () => `${root}/\0`],
  ])('%s', async (_, note, path) => {
    writeFileSync(join(root, 'note.txt'), 'hello');
    if (note.startsWith('there is no proof')) rmSync(batch.referencePath);
    expect(await only(path())).toMatchObject({ verdict: 'no proof', note: expect.stringContaining(note) });
  });

  test('no path at all is not ok', async () => {
    expect(await verifyPaths([])).toMatchObject({ ok: false, items: [] });
  });

  test('a run folder that never got its result is unfinished', async () => {
    rmSync(batch.tasks[0].resultPath);
    expect(await only(batch.tasks[0].folder)).toMatchObject({ verdict: 'unfinished' });
  });

  test('a row of the proof index whose result is gone is told', async () => {
    rmSync(join(batch.outputDir, 'batches'), { recursive: true });
    const report = await verifyPaths([batch.outputDir]);
    expect(report.totals.verdicts['no proof']).toBe(3);
    expect(report.items[0]?.note).toContain('proof index');
  });

  test('results kept outside the output directory are found by the proof index', async () => {
    const elsewhere = join(root, 'workspace');
    renameSync(join(batch.outputDir, 'batches'), elsewhere);
    for (const name of readdirSync(join(batch.outputDir, '_proofs'))) {
      editJson(join(batch.outputDir, '_proofs', name), (row) => {
        row['result_json'] = String(row['result_json']).replace(join(batch.outputDir, 'batches'), elsewhere);
      });
    }
    expect(await verifyPaths([batch.outputDir])).toMatchObject({ ok: true, totals: { checked: 3 } });
  });
});
