/** One thing is changed in a good batch, and exactly one rule notices (SPEC P1). */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { type RuleId, RULES } from '../../src/domain/acceptance.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { type ProvenBatch, provenBatch } from '../support/proven-batch.ts';
import { png, sha256 } from '../support/proven-records.ts';
import { editJson, readResult, replaceImage, rewriteResult } from '../support/tamper.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { brokenIds } from '../support/verify-report.ts';

let root: string;
let batch: ProvenBatch;

beforeEach(async () => {
  root = tempFolder();
  batch = await provenBatch(root);
});

/** Starting from the good batch, one change; records are kept in step with each other, as a forger would. */
const CHANGES: { id: RuleId; change: string; task?: 0 | 1 | 2; make: () => Promise<void> | void }[] = [
  { id: 'ok-true', change: 'ok is false', make: () => rewriteResult(batch, batch.tasks[0], { ok: false }) },
  {
    id: 'provider-approved',
    change: 'the provider is demo',
    make: () => rewriteResult(batch, batch.tasks[0], { provider: 'demo' }),
  },
  {
    id: 'model-approved',
    change: 'another model',
    make: () => rewriteResult(batch, batch.tasks[0], { model: 'gpt-image-1' }),
  },
  {
    id: 'mode-fits-inputs',
    change: 'img2img without references',
    make: () => rewriteResult(batch, batch.tasks[0], { mode: 'edit' }),
  },
  {
    id: 'mode-fits-inputs',
    change: 'references left out',
    task: 2,
    make: () => rewriteResult(batch, batch.tasks[2], { input_images: [] }),
  },
  {
    id: 'inputs-recorded',
    change: 'no list of references',
    task: 2,
    make: () => rewriteResult(batch, batch.tasks[2], { input_images: undefined }),
  },
  {
    id: 'inputs-unchanged',
    change: 'another reference file',
    task: 2,
    make: async () => writeFileSync(batch.referencePath, await png('other')),
  },
  {
    id: 'inputs-unchanged',
    change: 'the reference is now a link',
    task: 2,
    make: () => {
      renameSync(batch.referencePath, `${batch.referencePath}.real`);
      symlinkSync(`${batch.referencePath}.real`, batch.referencePath);
    },
  },
  { id: 'image-exists', change: 'no image', make: () => rmSync(batch.tasks[0].imagePath) },
  {
    id: 'image-exists',
    change: 'a text instead of an image',
    make: () => writeFileSync(batch.tasks[0].imagePath, 'hello'),
  },
  {
    id: 'image-exists',
    change: 'a folder instead of an image',
    make: () => {
      rmSync(batch.tasks[0].imagePath);
      mkdirSync(batch.tasks[0].imagePath);
    },
  },
  {
    id: 'image-exists',
    change: 'a link instead of an image',
    make: () => {
      renameSync(batch.tasks[0].imagePath, join(root, 'elsewhere.png'));
      symlinkSync(join(root, 'elsewhere.png'), batch.tasks[0].imagePath);
    },
  },
  {
    id: 'image-exists',
    change: 'a FIFO instead of an image',
    make: () => {
      rmSync(batch.tasks[0].imagePath);
      execFileSync('mkfifo', [batch.tasks[0].imagePath]);
    },
  },
  {
    id: 'image-exists',
    change: 'an image of more than 64 MiB',
    make: () => truncateSync(batch.tasks[0].imagePath, 64 * 1024 * 1024 + 1),
  },
  {
    id: 'image-exists',
    change: 'the recorded path climbs out',
    make: () => rewriteResult(batch, batch.tasks[0], { image_path: '../../cover.png' }),
  },
  {
    id: 'image-bytes',
    change: 'another number of bytes',
    make: () => rewriteResult(batch, batch.tasks[0], { bytes: 1 }),
  },
  {
    id: 'image-sha256',
    change: 'another hash',
    make: () => rewriteResult(batch, batch.tasks[0], { sha256: 'f'.repeat(64) }),
  },
  {
    id: 'image-format',
    change: 'another format recorded',
    make: () => rewriteResult(batch, batch.tasks[0], { format: 'webp' }),
  },
  {
    id: 'image-format',
    change: 'another format asked for',
    make: () => rewriteResult(batch, batch.tasks[0], { options: { output_format: 'jpeg' } }),
  },
  {
    id: 'image-size',
    change: 'another width recorded',
    make: () => rewriteResult(batch, batch.tasks[0], { width: 65 }),
  },
  {
    id: 'image-size',
    change: 'another size asked for',
    make: () => rewriteResult(batch, batch.tasks[0], { size: '1024x1024' }),
  },
  {
    id: 'image-decodes',
    change: 'half an image, properly recorded',
    make: async () => {
      const whole = await png('half');
      await replaceImage(batch, batch.tasks[0], whole.subarray(0, whole.length / 2));
    },
  },
  {
    id: 'not-an-input',
    change: 'the reference returned as the image',
    task: 2,
    make: () => {
      cpSync(batch.tasks[2].imagePath, batch.referencePath);
      const { sha256: hash } = readResult(batch.tasks[2].resultPath);
      const input = { path: batch.referencePath, sha256: hash, bytes: 1, mime: 'image/png' };
      return rewriteResult(batch, batch.tasks[2], { input_images: [input] });
    },
  },
  {
    id: 'not-another-result',
    change: 'the attempt says the image was delivered before',
    make: () =>
      editJson(batch.tasks[0].attemptPath, (attempt) =>
        Object.assign(attempt, { answer: { duplicate_of: 'g-1' } }),
      ),
  },
  {
    id: 'worker-binding',
    change: 'another pid in the attempt',
    make: () => editJson(batch.tasks[0].attemptPath, (attempt) => Object.assign(attempt, { pid: 1 })),
  },
  {
    id: 'worker-binding',
    change: 'another worker in the row',
    make: () =>
      editJson(batch.summaryPath, (summary) =>
        Object.assign((summary['results'] as object[])[0] as object, { worker_id: 'x' }),
      ),
  },
  { id: 'worker-binding', change: 'no file of the attempt', make: () => rmSync(batch.tasks[0].attemptPath) },
  {
    id: 'worker-binding',
    change: 'half a file of the attempt',
    make: () => truncateSync(batch.tasks[0].attemptPath, 100),
  },
  {
    id: 'not-mock',
    change: 'a mock',
    make: () => rewriteResult(batch, batch.tasks[0], { provider: 'mock' }),
  },
  {
    id: 'not-orphan',
    change: 'a late answer',
    make: () => rewriteResult(batch, batch.tasks[0], { status: 'orphan_late_output' }),
  },
];

describe('one change breaks exactly one rule', () => {
  test('every rule of P1 is among them', () => {
    expect([...new Set(CHANGES.map(({ id }) => id))].sort()).toEqual(Object.keys(RULES).sort());
  });

  test.each(CHANGES)('$id: $change', async ({ id, task = 0, make }) => {
    await make();
    const alone = await verifyPaths([batch.tasks[task].resultPath]);
    expect(brokenIds(alone)).toEqual([id]);
    expect(alone.ok).toBe(false);
    const whole = await verifyPaths([batch.batchDir]);
    expect(brokenIds(whole)).toEqual([id]);
    expect(whole.items.filter(({ ok }) => !ok)).toHaveLength(1);
  });

  test('not-another-result: two tasks with the same image both say so', async () => {
    const [first, second] = batch.tasks;
    cpSync(first.imagePath, second.imagePath);
    const { bytes, sha256 } = readResult(first.resultPath);
    await rewriteResult(batch, second, { bytes, sha256 });
    expect(brokenIds(await verifyPaths([batch.batchDir]))).toEqual([
      'not-another-result',
      'not-another-result',
    ]);
    const report = await verifyPaths([second.imagePath]);
    expect(report.items[0]?.broken[0]).toMatchObject({
      id: 'not-another-result',
      found: `also the image of ${first.resultPath}`,
    });
  });

  test('not-another-result: also across batches of one output directory', async () => {
    const other = await provenBatch(root, 'more');
    cpSync(batch.tasks[0].imagePath, other.tasks[0].imagePath);
    const { bytes, sha256 } = readResult(batch.tasks[0].resultPath);
    await rewriteResult(other, other.tasks[0], { bytes, sha256 });
    expect(brokenIds(await verifyPaths([other.batchDir]))).toEqual(['not-another-result']);
  });

  test('what was expected and found is told', async () => {
    await rewriteResult(batch, batch.tasks[0], { sha256: 'f'.repeat(64) });
    const report = await verifyPaths([batch.tasks[0].resultPath]);
    const actual = sha256(await png('covers cover'));
    expect(report.items[0]?.broken).toEqual([
      {
        id: 'image-sha256',
        en: RULES['image-sha256'].en,
        zh: RULES['image-sha256'].zh,
        expected: 'f'.repeat(64),
        found: actual,
      },
    ]);
  });
});
