/** Good input in every form, and the flags of `batch` that say how much of it runs when (SPEC B1, B2, B8, H3). */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';
import { peakInFlight } from '../support/provider-calls.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started));

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part));
const json = (stdout: string) =>
  JSON.parse(stdout) as BatchResultRecord & { exit_code: number; reason: string };

describe('the input as @file, a path, - or the JSON itself (B8)', () => {
  /** Two references of one relative name: which one is sent says what it is relative to (H3). */
  let hashes: Record<'files' | 'here', string>;
  const folderOf = (name: 'files' | 'here') => join(cli.folder, name);
  beforeAll(async () => {
    const written = { files: '#ff0000', here: '#0000ff' };
    const entries = Object.entries(written).map(async ([name, background]) => {
      const image = await sharp({ create: { width: 32, height: 32, channels: 3, background } })
        .png()
        .toBuffer();
      mkdirSync(join(cli.folder, name));
      writeFileSync(join(cli.folder, name, 'ref.png'), image);
      return [name, createHash('sha256').update(image).digest('hex')];
    });
    hashes = Object.fromEntries(await Promise.all(entries)) as typeof hashes;
  });

  const FILE = '../files/form.json';
  test.each<[form: string, argument: (text: string) => string, base: 'files' | 'here', name: string]>([
    ['@file', () => `@${FILE}`, 'files', 'form'],
    ['a path', () => FILE, 'files', 'form'],
    ['- for standard input', () => '-', 'here', 'batch'],
    ['the JSON itself', (text) => text, 'here', 'batch'],
  ])(
    '%s: relative references are relative to the right folder',
    async (form, argument, base, name) => {
      const task = { prompt: `form ${form}`, image: 'ref.png' };
      const text = JSON.stringify({ output_dir: cli.outputDir, tasks: [task] });
      writeFileSync(join(folderOf('files'), 'form.json'), text);
      const isStdin = argument(text) === '-';
      const { code, stdout } = await cli.run(['batch', argument(text), '--json'], {
        cwd: folderOf('here'),
        ...(isStdin ? { input: text } : {}),
      });
      expect([code, json(stdout)]).toMatchObject([0, { ok: true, acceptable: true, success: 1 }]);
      expect(json(stdout).batch_id).toMatch(new RegExp(`^${name}-[0-9a-f]{10}$`, 'u'));
      expect(json(stdout).results[0]?.input_images).toEqual([join(folderOf(base), 'ref.png')]);
      expect(calls(task.prompt)).toMatchObject([{ references: [{ sha256: hashes[base] }] }]);
    },
    120_000,
  );

  test('a reference given by a flag is relative to the current directory', async () => {
    const args = ['run', '--prompt', 'form flag', '--image', 'ref.png', '--output-dir', cli.outputDir];
    const { code } = await cli.run(args, { cwd: folderOf('here') });
    expect([code, calls('form flag')]).toMatchObject([0, [{ references: [{ sha256: hashes.here }] }]]);
  }, 120_000);
});

describe('flags', () => {
  test('--max-workers 2 wins over the file: never more than 2 requests in flight (B1, G3)', async () => {
    const tasks = Array.from({ length: 6 }, (_, i) => ({ prompt: `narrow ${i}` }));
    const file = await cli.batchFile('narrow.json', tasks, { max_workers: 4 });
    provider.setLatencyMs(200);
    const { code, stdout } = await cli.run(['batch', file, '--max-workers', '2', '--json']);
    provider.setLatencyMs(0);
    expect([code, json(stdout)]).toMatchObject([0, { success: 6, max_workers: 2 }]);
    expect(peakInFlight(calls('narrow'))).toBe(2);
  }, 120_000);

  test('--queue-limit 1: the first task runs, the others end rejected and are listed; exit 1 (B2)', async () => {
    const tasks = [{ prompt: 'limit 1' }, { prompt: 'limit 2' }, { prompt: 'limit 3' }];
    const file = await cli.batchFile('limit.json', tasks);
    const { code, stdout } = await cli.run(['batch', file, '--queue-limit', '1', '--json']);
    expect([code, json(stdout)]).toMatchObject([
      1,
      { ok: false, exit_code: 1, queue_limit: 1, total: 3, success: 1, rejected: 2 },
    ]);
    expect(json(stdout).results.map(({ status }) => status)).toEqual(['completed', 'rejected', 'rejected']);
    expect(calls('limit').map(({ prompt }) => prompt)).toEqual(['limit 1']);
  }, 120_000);

  test('--no-wait prints the id and returns while the work goes on; the same command comes back to it', async () => {
    const release = provider.hold();
    const file = await cli.batchFile('later.json', [{ prompt: 'later' }]);
    const ordered = await cli.run(['batch', file, '--no-wait']);
    expect([ordered.code, ordered.stdout]).toEqual([0, expect.stringMatching(/^later-[0-9a-f]{10}\n$/u)]);
    await until('its call', () => calls('later').length === 1);
    const again = await cli.run(['batch', file, '--no-wait', '--json']);
    expect([again.code, json(again.stdout)]).toMatchObject([
      0,
      { ok: true, batch_id: ordered.stdout.trim(), exit_code: 0, reason: 'ordered' },
    ]);
    expect(calls('later')).toMatchObject([{ ended_at: null }]);
    release();
    expect(json((await cli.run(['batch', file, '--json'])).stdout)).toMatchObject({ ok: true, success: 1 });
    expect(calls('later')).toHaveLength(1);
  }, 120_000);
});

describe('a signal detaches (C3)', () => {
  test('SIGTERM: exit 143, the work goes on', async () => {
    const release = provider.hold();
    const file = await cli.batchFile('term.json', [{ prompt: 'term' }]);
    const { child, ended } = cli.start(['batch', file, '--json']);
    await until('its call', () => calls('term').length === 1);
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    expect([code, json(stdout)]).toMatchObject([
      143,
      { ok: false, exit_code: 143, reason: 'detached by SIGTERM' },
    ]);
    expect(calls('term')).toMatchObject([{ ended_at: null }]);
    release();
    expect(json((await cli.run(['batch', file, '--json'])).stdout)).toMatchObject({ ok: true, success: 1 });
    expect(calls('term')).toHaveLength(1);
  }, 120_000);
});
