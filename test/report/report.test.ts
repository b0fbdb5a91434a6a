/** The report of a batch (SPEC P4), as files: what a browser makes of it is looked at by `npm run report-look`. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { findBatch } from '../../src/report/find-batch.ts';
import { reportData } from '../../src/report/report-data.ts';
import { csvOf, markdownOf } from '../../src/report/tables.ts';
import { writeReport } from '../../src/report/write-report.ts';
import { verifyPaths } from '../../src/proof/verify.ts';
import { rowsFor } from '../support/file-writers.ts';
import { copyOf, filesUnder, type SignedBatch, signedBatch, trusted } from '../support/signed-batch.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { startSystem, type System } from '../support/system.ts';

let system: System;
let batch: SignedBatch;
beforeAll(async () => {
  system = await startSystem('time-skipping');
  batch = await signedBatch(system, 'reported');
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

describe('a folder that opens from the disk', () => {
  test('has a page with every task, its verdict, proof, references and attempts, and thumbnails beside it', async () => {
    const { batchDir } = copyOf(batch);
    const { html, index } = await write(batchDir);
    const { tasks, batch: told } = dataIn(html);
    expect(told).toMatchObject({ id: 'reported', total: 3, has_ended: true, verdict: 'proven' });
    expect(tasks).toMatchObject([
      {
        name: 'one',
        status: 'completed',
        verdict: 'proven',
        mode: 'text2img 文生图',
        attempts: [{ billing: 'yes' }],
      },
      { name: 'two', status: 'completed', evidence: { signature: { state: 'trusted' } } },
      { name: 'three', status: 'failed', verdict: 'not completed', thumb: null, image_link: null },
    ]);
    const thumbs = readdirSync(join(dirname(index), 'thumbs'));
    expect(thumbs).toHaveLength(2);
    for (const { image_link, result_link } of tasks.slice(0, 2))
      for (const link of [image_link, result_link])
        expect(existsSync(join(dirname(index), decodeURIComponent(String(link))))).toBe(true);
  });

  test('allows its own script and style alone, by hash, and no other place', async () => {
    const { html } = await write(copyOf(batch).batchDir);
    const policy =
      /Content-Security-Policy" content="(?<policy>[^"]+)"/u.exec(html)?.groups?.['policy'] ?? '';
    const hashOf = (tag: string) => {
      const inside = new RegExp(`<${tag}>(?<text>.*?)</${tag}>`, 'su').exec(html)?.groups?.['text'] ?? '';
      return `'sha256-${createHash('sha256').update(inside).digest('base64')}'`;
    };
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      `style-src ${hashOf('style')}`,
      `script-src ${hashOf('script')}`,
      "img-src 'self' file:",
    ]);
    expect(html).not.toMatch(
      /\b(?:https?:)?\/\/(?!www\.w3\.org)[a-z0-9.-]+\.[a-z]{2,}\/\S*\.(?:js|css|png|woff)/u,
    );
    expect(html).not.toMatch(/\son\w+=|javascript:/u);
  });

  test('is made again: thumbnails that fit stay, the page is another one', async () => {
    const { batchDir } = copyOf(batch);
    const first = await write(batchDir);
    const thumbs = join(dirname(first.index), 'thumbs');
    const before = readdirSync(thumbs).map((name) => statSync(join(thumbs, name)).mtimeMs);
    const again = await write(batchDir, 'zh');
    expect(readdirSync(thumbs).map((name) => statSync(join(thumbs, name)).mtimeMs)).toEqual(before);
    expect(again.html).toContain('<html lang="zh-CN">');
  });

  test('says of a batch that runs, or whose records are damaged, what there is', async () => {
    const { batchDir, runs, images } = copyOf(batch);
    rmSync(join(batchDir, 'batch_result.json'));
    writeFileSync(join(runs[0] as string, 'result.json'), '{"half":');
    // The original is still there, and counts for nothing while the copy has a file of its own.
    writeFileSync(images[1] as string, 'no image');
    const { html, data } = await write(batchDir);
    expect(dataIn(html).batch).toMatchObject({ has_ended: false, verdict: 'unfinished' });
    expect(data.tasks.map(({ verdict }) => verdict)).toEqual(['unreadable', 'broken', 'not completed']);
    expect(data.tasks[1]?.broken.map(({ id }) => id)).toContain('image-exists');
  });
});

describe('a report leaves everything else as it is', () => {
  test('the batch is as proven as before, and nothing but the report was written', async () => {
    const { batchDir } = copyOf(batch);
    const before = filesUnder(batchDir);
    await write(batchDir);
    const { items } = await verifyPaths([batchDir], { keys: await trusted(batch.keys) });
    expect(items[0]).toMatchObject({ kind: 'batch', verdict: 'proven', broken: [] });
    const after = filesUnder(batchDir).filter((path) => !path.startsWith(join(batchDir, 'report')));
    expect(after.toSorted()).toEqual(before.toSorted());
    for (const path of filesUnder(join(batchDir, 'report')))
      expect(rowsFor(path, { outputDir: dirname(dirname(batchDir)), home: '/home' })).toHaveLength(1);
  });

  test.each<[string, (dir: string) => void, string]>([
    [
      'a page of somebody',
      (dir) => writeFileSync(join(dir, 'index.html'), 'mine'),
      'is not a report of imgproof',
    ],
    [
      'a link to one',
      (dir) => symlinkSync('/etc/hostname', join(dir, 'index.html')),
      'is not a report of imgproof',
    ],
  ])('%s is not overwritten', async (_, prepare, reason) => {
    const dir = tempFolder();
    prepare(dir);
    const before = readFileSync(join(dir, 'index.html'), 'utf8');
    await expect(writeReport(copyOf(batch).batchDir, { lang: 'en', reportDir: dir })).rejects.toThrow(reason);
    expect(readFileSync(join(dir, 'index.html'), 'utf8')).toBe(before);
  });

  test('a report folder that leads elsewhere is refused', async () => {
    const { batchDir } = copyOf(batch);
    const elsewhere = tempFolder();
    symlinkSync(elsewhere, join(batchDir, 'report'));
    await expect(writeReport(batchDir, { lang: 'en' })).rejects.toThrow('is there and is no folder');
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test('thumbnails of images that are no longer in it go, the same picture twice is one', async () => {
    const { batchDir, images } = copyOf(batch);
    const { index } = await write(batchDir);
    writeFileSync(images[1] as string, readFileSync(images[0] as string));
    const { html } = await write(batchDir);
    expect(readdirSync(join(dirname(index), 'thumbs'))).toHaveLength(1);
    expect(dataIn(html).tasks.map(({ thumb }) => thumb === null)).toEqual([false, false, true]);
  });
});

describe('what stands in the records is text', () => {
  test('in the page, in CSV and in Markdown', async () => {
    const copy = copyOf(batch);
    const hostile = '</script><img src=x onerror=alert(1)>\u2028=cmd|"/c calc"!A1';
    copy.change(join(copy.runs[0] as string, 'result.json'), (text) =>
      text.replace('"reported, one"', JSON.stringify(hostile)),
    );
    copy.change(join(copy.batchDir, 'batch_request.json'), (text) =>
      text.replaceAll('"task_name": "one"', `"task_name": ${JSON.stringify(`=1+1,"x"\n${hostile}`)}`),
    );
    const { html, data } = await write(copy.batchDir);
    expect(html.match(/<script/gu)).toHaveLength(2);
    expect(html).not.toContain('<img src=x');
    expect(dataIn(html).tasks[0]).toMatchObject({ prompt: hostile });
    const [, row] = csvOf(data).split('\r\n');
    expect(row).toMatch(/^"'=1\+1,""x""\n/u);
    expect(markdownOf(data)).not.toMatch(/(?<!\\)<img/u);
  });

  test.each(['=1', '+1', '-1', '@a', '\t=1', '＝1', '＋1', '－1', '＠a'])(
    '%j is no formula in CSV',
    async (name) => {
      const data = await reportData(batch.record.batch_dir, {});
      const [first] = data?.tasks ?? [];
      const csv = csvOf({ batch: data!.batch, tasks: [{ ...first!, name }] });
      expect(csv.split('\r\n')[1]).toMatch(/^'/u);
    },
  );

  test('no line of Markdown and no cell of CSV carries a command for a terminal, or a second line', async () => {
    const data = await reportData(batch.record.batch_dir, {});
    const run_dir = '/a`\n\n<script>\u001B[2J\u202E';
    const tables = { batch: data!.batch, tasks: [{ ...data!.tasks[0]!, run_dir }] };
    expect(markdownOf(tables)).toContain("- run directory: `/a' <script>�[2J�`\n");
    // oxlint-disable-next-line no-control-regex -- what must not be there
    expect(csvOf(tables)).not.toMatch(/[\u001B\u202E]/u);
  });

  test('the tables have exactly the fields that reviewers ask for', async () => {
    const data = await reportData(copyOf(batch).batchDir, { keys: await trusted(batch.keys) });
    if (data === null) throw new Error('no batch');
    const [head, ...rows] = csvOf(data).trimEnd().split('\r\n');
    expect(head).toBe(
      '\uFEFFtask,status,image path,run directory,result file,provider,model,mode,input_images,ok,bytes',
    );
    expect(rows.map((row) => row.split(',').slice(-7))).toEqual([
      [
        expect.stringContaining('/01-one/result.json'),
        'happy',
        'gpt-image-2',
        'text2img 文生图',
        '',
        'true',
        expect.stringMatching(/^\d+$/u),
      ],
      [
        expect.stringContaining('/02-two/result.json'),
        'happy',
        'gpt-image-2',
        'text2img 文生图',
        '',
        'true',
        expect.stringMatching(/^\d+$/u),
      ],
      [
        expect.stringContaining('/03-three/result.json'),
        'happy',
        'gpt-image-2',
        'text2img 文生图',
        '',
        'false',
        '',
      ],
    ]);
    expect(markdownOf(data)).toContain('2 of 3 completed, 2 proven; ended');
  });
});

test('a batch is found by its folder, a folder in it, its id; anything else is none', async () => {
  const { batch_dir } = batch.record;
  const inside = [batch_dir, join(batch_dir, 'batch_result.json'), join(batch_dir, '01-one'), 'reported'];
  for (const named of inside)
    expect(await findBatch(named, [join(system.outputDir, 'batches')])).toBe(batch_dir);
  for (const named of ['', 'other', '/nowhere'])
    expect(await findBatch(named, [join(system.outputDir, 'batches')])).toBe(null);
});
