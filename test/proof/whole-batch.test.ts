/** Completeness of a batch directory (SPEC P2). */
import { cpSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { verifyPaths } from '../../src/proof/verify.ts';
import { type ProvenBatch, provenBatch } from '../support/proven-batch.ts';
import { editJson, readSummary, recordRows, rewriteResult, rowWithoutResult } from '../support/tamper.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { brokenIds, verdicts } from '../support/verify-report.ts';

let root: string;
let batch: ProvenBatch;

beforeEach(async () => {
  root = tempFolder();
  batch = await provenBatch(root);
});

describe('a batch is whole, or says what is not', () => {
  const editSummary = (edit: (summary: Record<string, unknown>) => void) => editJson(batch.summaryPath, edit);
  const rows = () => readSummary(batch).results;

  test.each<[string, string[], () => Promise<void> | void]>([
    ['a missing result', ['batch-complete'], () => rmSync(batch.tasks[1].resultPath)],
    ['a missing row', ['batch-complete'], () => recordRows(batch, rows().slice(1))],
    [
      'a row that is there twice',
      ['batch-complete'],
      () => recordRows(batch, [...rows(), rows()[0] as never]),
    ],
    [
      'fewer tasks than ordered',
      ['batch-complete', 'batch-no-extra'],
      () => editJson(batch.requestPath, (request) => void (request['tasks'] as unknown[]).pop()),
    ],
    [
      'a row that nobody ordered',
      ['batch-no-extra'],
      () => recordRows(batch, [...rows(), { ...(rows()[0] as never as object), index: 9 } as never]),
    ],
    [
      'a folder that nobody ordered',
      ['batch-no-extra'],
      () => cpSync(batch.tasks[0].folder, join(batch.batchDir, '04-extra'), { recursive: true }),
    ],
    [
      'a link beside the tasks',
      ['batch-no-extra'],
      () => symlinkSync('/etc', join(batch.batchDir, '04-extra')),
    ],
    [
      'a result of another batch',
      ['batch-order'],
      () => rewriteResult(batch, batch.tasks[0], { batch_id: 'other' }),
    ],
    [
      'a result of another key',
      ['batch-order'],
      () => rewriteResult(batch, batch.tasks[0], { task_key: 'other' }),
    ],
    [
      'a row of another key',
      ['batch-order'],
      () =>
        editSummary((summary) =>
          Object.assign((summary['results'] as object[])[0] as object, { task_key: 'x' }),
        ),
    ],
    [
      'the summary of another order',
      ['batch-order'],
      () => editSummary((summary) => Object.assign(summary, { batch_hash: 'x' })),
    ],
    [
      'a row that differs from its result',
      ['batch-rows'],
      () =>
        editSummary((summary) => Object.assign((summary['results'] as object[])[1] as object, { bytes: 5 })),
    ],
    [
      'a row with another image',
      ['batch-rows'],
      () =>
        editSummary((summary) =>
          Object.assign((summary['results'] as object[])[1] as object, { image_path: '/other.png' }),
        ),
    ],
    [
      'a row that says failed',
      ['batch-rows', 'batch-counters'],
      () =>
        editSummary((summary) =>
          Object.assign((summary['results'] as object[])[1] as object, { status: 'failed' }),
        ),
    ],
    ...[
      'ok',
      'acceptable',
      'total',
      'scheduled',
      'processed',
      'rejected',
      'success',
      'failed',
      'timeout',
      'cancelled',
      'skipped',
      'adopted',
      'cost',
    ].map((name): [string, string[], () => void] => [
      `a wrong ${name}`,
      ['batch-counters'],
      () => editSummary((summary) => Object.assign(summary, { [name]: 7 })),
    ]),
  ])('%s', async (_, ids, change) => {
    await change();
    const report = await verifyPaths([batch.batchDir]);
    expect([...new Set(brokenIds(report))].sort()).toEqual([...ids].sort());
    expect(report.ok).toBe(false);
  });

  test('a batch without batch_result.json is unfinished; what is proven is proven', async () => {
    rmSync(batch.summaryPath);
    rmSync(batch.tasks[1].resultPath);
    editJson(join(batch.tasks[1].folder, 'state.json'), (state) =>
      Object.assign(state, { status: 'running' }),
    );
    const report = await verifyPaths([batch.batchDir]);
    expect(verdicts(report)).toEqual([
      ['batch', 'unfinished'],
      ['cover', 'proven'],
      ['hero', 'unfinished'],
      ['redraw', 'proven'],
    ]);
    expect(report.ok).toBe(false);
    expect(report.items[2]).toMatchObject({
      status: 'running',
      note: expect.stringContaining('state.json says running'),
    });
    expect(brokenIds(report)).toEqual(['batch-finished']);
  });

  test.each(['rejected', 'skipped', 'discarded', 'cancelled'] as const)(
    'a %s task is not acceptable and says why',
    async (status) => {
      const [first] = batch.tasks;
      rmSync(first.resultPath);
      await recordRows(batch, [rowWithoutResult(first, status, 'because'), ...rows().slice(1)]);
      const report = await verifyPaths([batch.batchDir]);
      expect(verdicts(report)).toEqual([
        ['batch', 'proven'],
        ['cover', 'not completed'],
        ['hero', 'proven'],
        ['redraw', 'proven'],
      ]);
      expect(report.items[1]).toMatchObject({ kind: 'task', status, note: `${status}: because` });
      expect(report.ok).toBe(false);
    },
  );

  test.each(['failed', 'timed_out', 'cancelled'] as const)(
    'a %s task with its result is not acceptable and says why',
    async (status) => {
      await rewriteResult(batch, batch.tasks[0], {
        ok: false,
        acceptable: false,
        status,
        stage: 'failed',
        output: null,
        image_path: null,
        bytes: null,
        sha256: null,
        format: null,
        width: null,
        height: null,
        error: 'size 64x48 is not supported',
        diagnosis: {
          category: 'bad_request',
          human_reason: 'the provider refused the request as it is',
          retryable: false,
        },
      });
      const report = await verifyPaths([batch.batchDir]);
      expect(verdicts(report).slice(0, 2)).toEqual([
        ['batch', 'proven'],
        ['cover', 'not completed'],
      ]);
      expect(report.items[1]).toMatchObject({
        status,
        note: `${status}: the provider refused the request as it is: size 64x48 is not supported`,
        broken: [{ id: 'ok-true' }],
      });
    },
  );
});

test('records of more than 4 MB, as thousands of tasks have, are read whole (B2)', async () => {
  const [task] = batch.tasks;
  const more = Array.from({ length: 500 }, (_, i) => ({ index: i + 4, task_key: `covers/late-${i + 4}` }));
  editJson(batch.requestPath, (request) => {
    const tasks = request['tasks'] as object[];
    const place = ({ index }: { index: number }) => ({
      status: 'rejected',
      run_dir: `/nowhere/${index}-late`,
    });
    request['tasks'] = [...tasks, ...more.map((one) => ({ ...tasks[0], ...one, ...place(one) }))];
    request['total'] = 503;
  });
  const why = `over the queue limit ${'again and '.repeat(1_000)}again`;
  const late = more.map((one) => ({ ...rowWithoutResult(task, 'rejected', why), ...one, run_dir: null }));
  await recordRows(batch, [...readSummary(batch).results, ...late]);
  expect(statSync(batch.summaryPath).size).toBeGreaterThan(4 * 1024 * 1024);
  const { items, totals } = await verifyPaths([batch.batchDir]);
  expect([items[0]?.verdict, items[0]?.broken.map(({ found }) => found)]).toEqual(['proven', []]);
  expect(totals.verdicts).toMatchObject({ proven: 3, 'not completed': 500 });
});
