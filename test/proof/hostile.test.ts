/** Foreign, half-written, huge and hostile files: a verdict for each, never a crash, never ok. */
import { execFileSync } from 'node:child_process';
import { renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { verifyPaths } from '../../src/proof/verify.ts';
import { type ProvenBatch, provenBatch } from '../support/proven-batch.ts';
import { editJson } from '../support/tamper.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { brokenIds } from '../support/verify-report.ts';

let root: string;
let batch: ProvenBatch;

beforeEach(async () => {
  root = tempFolder();
  batch = await provenBatch(root);
});

describe('foreign, half-written, huge and hostile files', () => {
  const foreign = (text: string) => () => writeFileSync(batch.tasks[0].resultPath, text);
  const edited = (fields: object) => () =>
    editJson(batch.tasks[0].resultPath, (result) => Object.assign(result, fields));

  test.each<[string, () => void, RegExp]>([
    ['half a result.json', () => truncateSync(batch.tasks[0].resultPath, 300), /half-written/u],
    ['an empty one', foreign(''), /half-written/u],
    ['no object', foreign('[1]'), /not a JSON object/u],
    ['null', foreign('null'), /not a JSON object/u],
    ['a result of the old skill', foreign('{"ok":true,"status":"completed"}'), /not written by imgproof/u],
    ['a newer schema_version', edited({ schema_version: 2 }), /schema_version 2.*use a newer one/u],
    ['a schema_version that is no number', edited({ schema_version: '1' }), /not written by imgproof/u],
    ['no prompt', edited({ prompt: undefined }), /"prompt"/u],
    ['attempts that are no list', edited({ attempts: 'none' }), /"attempts"/u],
    ['attempts with rubbish', edited({ attempts: [null] }), /"attempts"/u],
    ['an unknown status', edited({ status: 'great' }), /"status"/u],
    ['a hundred thousand brackets', foreign('['.repeat(100_000)), /half-written/u],
    ['more than 4 MiB', edited({ prompt: 'x'.repeat(4 * 1024 * 1024) }), /at most 4194304 are read/u],
    [
      'a FIFO',
      () => {
        rmSync(batch.tasks[0].resultPath);
        execFileSync('mkfifo', [batch.tasks[0].resultPath]);
      },
      /not a regular file/u,
    ],
    [
      'a link',
      () => {
        renameSync(batch.tasks[0].resultPath, join(root, 'r.json'));
        symlinkSync(join(root, 'r.json'), batch.tasks[0].resultPath);
      },
      /symbolic link/u,
    ],
  ])('result.json: %s', async (name, change, note) => {
    change();
    const report = await verifyPaths([batch.batchDir]);
    expect(report.ok).toBe(false);
    expect(report.items[1]).toMatchObject({
      task: 'cover',
      verdict: 'unreadable',
      ok: false,
      note: expect.stringMatching(note),
    });
    // A link or a FIFO as the argument itself is answered before it is read.
    if (name === 'a FIFO' || name === 'a link') return;
    const alone = await verifyPaths([batch.tasks[0].resultPath]);
    expect(alone.items).toMatchObject([{ verdict: 'unreadable', note: expect.stringMatching(note) }]);
  });

  test('no attempts at all is no worker binding', async () => {
    edited({ attempts: [] })();
    expect(brokenIds(await verifyPaths([batch.tasks[0].resultPath]))).toEqual(['worker-binding']);
  });

  test.each([
    ['batch_request.json', () => batch.requestPath, 3],
    ['batch_result.json', () => batch.summaryPath, 3],
  ])('half a %s leaves the tasks proven and the batch unreadable', async (_, path, proven) => {
    truncateSync(path(), 50);
    const report = await verifyPaths([batch.batchDir]);
    expect(report.ok).toBe(false);
    expect(report.items[0]).toMatchObject({
      kind: 'batch',
      verdict: 'unreadable',
      note: expect.stringContaining('half-written'),
    });
    expect(report.totals.verdicts.proven).toBe(proven);
  });

  test.each([
    ['nothing', {}],
    ['tasks that are no list', { tasks: 5 }],
    ['tasks with rubbish', { tasks: [null, 1] }],
    [
      'a run_dir that climbs out',
      { tasks: [{ index: 1, task_key: 'k', task_name: 'n', run_dir: '/x/..', status: 'queued' }] },
    ],
  ])('batch_request.json with %s never crashes and is never ok', async (_, fields) => {
    const base = { schema_version: 1, batch_id: 'b', batch_hash: 'h', batch_name: 'n', total: 1 };
    writeFileSync(batch.requestPath, JSON.stringify({ ...base, ...fields }));
    expect((await verifyPaths([batch.batchDir])).ok).toBe(false);
  });

  test('rows with rubbish make the batch unreadable', async () => {
    editJson(batch.summaryPath, (summary) => void (summary['results'] as unknown[]).push(null, 'x'));
    const report = await verifyPaths([batch.batchDir]);
    expect(report.items[0]).toMatchObject({
      verdict: 'unreadable',
      note: expect.stringContaining('"results"'),
    });
  });
});
