/** Reports of batches whose records are damaged, foreign or hostile: told as that, never a crash (SPEC P4). */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { findBatch } from '../../src/report/find-batch.ts';
import { writeReport } from '../../src/report/write-report.ts';
import { type BatchCopy, copyOf, type SignedBatch, signedBatch, trusted } from '../support/signed-batch.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
let batch: SignedBatch;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  batch = await signedBatch(system, 'damaged');
  return system.stop;
});

const write = async (batchDir: string, lang: 'en' | 'zh' = 'en') => {
  const written = await writeReport(batchDir, { keys: await trusted(batch.keys), lang });
  if (written === null) throw new Error('no batch');
  return { ...written, html: readFileSync(written.index, 'utf8') };
};
const dataIn = (html: string) =>
  JSON.parse(/id="data">(?<json>.*?)<\/script>/su.exec(html)?.groups?.['json'] ?? '') as {
    batch: Record<string, unknown>;
    tasks: Record<string, unknown>[];
  };

describe('whatever the records are, there is a report:', () => {
  const broken = async (change: (copy: BatchCopy) => void) => {
    const copy = copyOf(batch);
    change(copy);
    const { data } = await write(copy.batchDir);
    return [data.batch.verdict, ...data.tasks.map(({ verdict }) => verdict)];
  };
  const edit = (path: string, change: (record: Record<string, unknown>) => void) => {
    const record = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    change(record);
    writeFileSync(path, JSON.stringify(record));
  };
  const request = (copy: BatchCopy) => join(copy.batchDir, 'batch_request.json');
  const summary = (copy: BatchCopy) => join(copy.batchDir, 'batch_result.json');
  const result = (copy: BatchCopy) => join(copy.runs[0] as string, 'result.json');
  const fifo = (path: string) => {
    rmSync(path);
    spawnSync('mkfifo', [path]);
  };
  const unreadable = ['unreadable', 'proven', 'proven', 'not completed'];
  const as = (first: string) => ['broken', first, 'proven', 'not completed'];

  test.each<[string, (copy: BatchCopy) => void, string[]]>([
    ['no order', (copy) => rmSync(request(copy)), unreadable],
    ['half an order', (copy) => writeFileSync(request(copy), '{"half'), unreadable],
    [
      'an order behind a link',
      (copy) => {
        rmSync(request(copy));
        symlinkSync(join(batch.record.batch_dir, 'batch_request.json'), request(copy));
      },
      unreadable,
    ],
    ['a pipe instead of the order', (copy) => fifo(request(copy)), unreadable],
    ['a newer version', (copy) => edit(request(copy), (all) => (all['schema_version'] = 2)), unreadable],
    ['an order without tasks', (copy) => edit(request(copy), (all) => delete all['tasks']), unreadable],
    ['rows that are none', (copy) => edit(summary(copy), (all) => (all['results'] = 'x')), unreadable],
    ['a pipe instead of a result', (copy) => fifo(result(copy)), as('unreadable')],
    [
      'attempts without fields',
      (copy) => edit(result(copy), (all) => (all['attempts'] = [{ attempt: 1 }])),
      as('broken'),
    ],
    [
      'images that are none',
      (copy) => edit(result(copy), (all) => (all['input_images'] = [null, 5])),
      as('broken'),
    ],
    [
      'numbers for texts',
      (copy) =>
        edit(result(copy), (all) =>
          Object.assign(all, { error: 5, billing: { yes: 'x' }, request_id: {}, sha256: [] }),
        ),
      as('broken'),
    ],
  ])('%s', async (_, change, verdicts) => {
    expect(await broken(change)).toEqual(verdicts);
  });

  test('a run alone has one too', async () => {
    const { runs } = copyOf(batch);
    const alone = join(tempFolder(), 'run');
    cpSync(runs[0] as string, alone, { recursive: true });
    expect(await findBatch(alone, [])).toBe(alone);
    const { data } = await write(alone);
    expect(data).toMatchObject({
      batch: { kind: 'run', total: 1 },
      tasks: [{ name: 'one', status: 'completed' }],
    });
  });

  test('a reference that is not the one that was sent has no picture, and none of its content gets into the page', async () => {
    const copy = copyOf(batch);
    const secret = join(tempFolder(), 'private.png');
    cpSync(copy.images[1] as string, secret);
    edit(result(copy), (all) => (all['input_images'] = [{ path: secret, sha256: '0'.repeat(64), bytes: 1 }]));
    const { html } = await write(copy.batchDir);
    expect(dataIn(html).tasks[0]).toMatchObject({
      references: [{ name: 'private.png', thumb: null, link: null }],
    });
  });
});
