/** Copied trees, links and adopted results: the same proof at another place. */
import { cpSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { verifyPaths } from '../../src/proof/verify.ts';
import { type ProvenBatch, provenBatch, type ProvenTask } from '../support/proven-batch.ts';
import { png } from '../support/proven-records.ts';
import { adoptInto, editJson, readSummary, recordRows } from '../support/tamper.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { brokenIds } from '../support/verify-report.ts';

let root: string;
let batch: ProvenBatch;

beforeEach(async () => {
  root = tempFolder();
  batch = await provenBatch(root);
});

describe('copied trees and links', () => {
  test('a copied output directory verifies without the original', async () => {
    const copy = join(root, 'copy');
    cpSync(batch.outputDir, copy, { recursive: true });
    rmSync(batch.outputDir, { recursive: true });
    rmSync(batch.referencePath);
    const report = await verifyPaths([copy]);
    expect(brokenIds(report)).toEqual([]);
    expect(report).toMatchObject({ ok: true, totals: { checked: 3, batches: 1 } });
    const first = readdirSync(copy).find((name) => name.startsWith('cover'));
    expect(await verifyPaths([join(copy, first as string)])).toMatchObject({
      ok: true,
      totals: { checked: 1 },
    });
  });

  test('a change of the copy is found although the original is still intact', async () => {
    const copy = join(root, 'copy');
    cpSync(batch.outputDir, copy, { recursive: true });
    const name = batch.tasks[0].imagePath.slice(batch.outputDir.length);
    writeFileSync(join(copy, name), await png('other'));
    expect((await verifyPaths([copy])).ok).toBe(false);
    expect((await verifyPaths([batch.outputDir])).ok).toBe(true);
  });

  test('a batch directory copied alone finds its images where they were recorded', async () => {
    const copy = join(root, 'batch-copy');
    cpSync(batch.batchDir, copy, { recursive: true });
    expect(await verifyPaths([copy])).toMatchObject({ ok: true, totals: { checked: 3 } });
  });

  test('a link given as an argument is followed, links below it are not', async () => {
    const link = join(root, 'link');
    symlinkSync(batch.batchDir, link);
    expect(await verifyPaths([link])).toMatchObject({ ok: true, totals: { checked: 3 } });

    const [first] = batch.tasks;
    renameSync(first.folder, join(root, 'elsewhere'));
    symlinkSync(join(root, 'elsewhere'), first.folder);
    const report = await verifyPaths([batch.batchDir]);
    expect(report.items[1]).toMatchObject({
      task: 'cover',
      verdict: 'unreadable',
      note: expect.stringContaining('symbolic link'),
    });
  });

  test('a linked batch or run folder is told, not followed', async () => {
    const elsewhere = join(root, 'elsewhere');
    renameSync(batch.batchDir, elsewhere);
    symlinkSync(elsewhere, batch.batchDir);
    const report = await verifyPaths([batch.outputDir]);
    expect(report.ok).toBe(false);
    expect(report.items).toContainEqual(
      expect.objectContaining({
        path: batch.batchDir,
        verdict: 'unreadable',
        note: expect.stringContaining('symbolic link'),
      }),
    );
  });
});

describe('an adopted batch (SPEC B6, H4)', () => {
  /** A later batch of the same id, whose tasks are copies of the first one's results. */
  async function adoptedBatch(): Promise<ProvenBatch> {
    const later = await provenBatch(root, 'later');
    const keys = batch.tasks.map(({ admitted }) => admitted.task_key);
    const ofTheSameOrder = (list: 'tasks' | 'results') => (record: Record<string, unknown>) => {
      Object.assign(record, { batch_id: 'covers-id' });
      for (const [i, one] of (record[list] as object[]).entries()) Object.assign(one, { task_key: keys[i] });
    };
    editJson(later.requestPath, ofTheSameOrder('tasks'));
    for (const [i, task] of later.tasks.entries()) {
      rmSync(task.folder, { recursive: true });
      await adoptInto(later, task, batch.tasks[i] as ProvenTask);
    }
    editJson(later.summaryPath, ofTheSameOrder('results'));
    for (const { imagePath } of later.tasks) rmSync(imagePath);
    rmSync(join(batch.outputDir, '_proofs'), { recursive: true });
    return later;
  }

  test('holds beside its origin: an adopted row is the same result', async () => {
    const later = await adoptedBatch();
    const report = await verifyPaths([later.batchDir, batch.batchDir]);
    expect(brokenIds(report)).toEqual([]);
    expect(report).toMatchObject({ ok: true, totals: { checked: 6, batches: 2 } });
  });

  test('holds in a copied tree', async () => {
    await adoptedBatch();
    renameSync(batch.outputDir, join(root, 'moved'));
    const report = await verifyPaths([join(root, 'moved')]);
    expect(brokenIds(report)).toEqual([]);
    expect(report).toMatchObject({ ok: true, totals: { checked: 6, batches: 2 } });
  });

  test('its image is verified once for its file: the maker is named', async () => {
    await adoptedBatch();
    const report = await verifyPaths([batch.tasks[0].imagePath]);
    expect(report).toMatchObject({ ok: true, items: [{ path: batch.tasks[0].resultPath }] });
  });

  test('does not hold when the attempt that made the image is gone', async () => {
    const later = await adoptedBatch();
    rmSync(batch.tasks[0].attemptPath);
    expect(brokenIds(await verifyPaths([later.batchDir]))).toEqual(['worker-binding']);
  });

  test('a result awaited from an earlier run of the same batch id is found where its row says', async () => {
    const later = await adoptedBatch();
    const rows = readSummary(later).results.map((row, i) => {
      const { adopted_from: _, ...own } = row;
      const { folder, resultPath } = batch.tasks[i] as ProvenTask;
      return { ...own, run_dir: folder, result_json: resultPath };
    });
    for (const { folder } of later.tasks) rmSync(join(folder, 'result.json'));
    await recordRows(later, rows);
    const report = await verifyPaths([later.batchDir]);
    expect(brokenIds(report)).toEqual([]);
    expect(report).toMatchObject({ ok: true, totals: { checked: 3 } });
  });
});
