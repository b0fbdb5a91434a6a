/** References that can't be read or are not the ones admitted, as people meet them on the command line (SPEC H3, C3). */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';
import { tempFolder } from '../support/temp-folder.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));
const NOBODY = 65_534;

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started));

function image(background: string): Promise<Buffer> {
  return sharp({ create: { width: 32, height: 32, channels: 3, background } })
    .png()
    .toBuffer();
}

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part)).length;

describe('a reference that can’t be read is told with its path and its reason, exit 2, nothing is sent', () => {
  test.each<[string, string, (folder: string) => string]>([
    [
      'whose parent is a file',
      'a part of its path is not a folder',
      (folder) => {
        writeFileSync(join(folder, 'file'), 'x');
        return join(folder, 'file', 'cover.png');
      },
    ],
    [
      'that is a broken link',
      'is a symbolic link; give the path of the file itself',
      (folder) => {
        symlinkSync(join(folder, 'nowhere.png'), join(folder, 'link.png'));
        return join(folder, 'link.png');
      },
    ],
  ])(
    'one %s',
    async (_, reason, place) => {
      const path = place(tempFolder());
      for (const order of [
        ['run', '--prompt', 'unreadable', '--image', path],
        ['batch', JSON.stringify({ tasks: [{ prompt: 'unreadable', image: path }] })],
      ]) {
        const { code, stdout, stderr } = await cli.run(order);
        expect([code, stdout]).toEqual([2, '']);
        expect(stderr).toContain(`"${path}" `);
        expect(stderr).toContain(reason);
        expect(stderr).toMatch(/nothing was sent/iu);
      }
      expect(calls('unreadable')).toBe(0);
    },
    120_000,
  );

  test('one that this user may not read (EACCES)', async ({ skip }) => {
    const isRoot = process.getuid?.() === 0;
    const asNobody = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
    const probe = [process.execPath, '-e', `require('fs').accessSync(${JSON.stringify(BIN)})`];
    const canBeNobody = isRoot && spawnSync('setpriv', [...asNobody, ...probe]).status === 0;
    skip(
      isRoot && !canBeNobody,
      'root reads everything, and setpriv is not there or nobody may not read this checkout',
    );
    const folder = tempFolder();
    const path = join(folder, 'mine.png');
    writeFileSync(path, await image('#123456'));
    chmodSync(path, isRoot ? 0o600 : 0o000);
    chmodSync(folder, 0o755);
    const config = join(folder, 'config.json');
    writeFileSync(
      config,
      JSON.stringify({ providers: { happy: { baseUrl: provider.baseUrl, apiKey: 'k' } } }),
    );
    const command = [process.execPath, BIN, 'run', '--prompt', 'forbidden', '--image', path];
    const [program, ...args] = isRoot ? ['setpriv', ...asNobody, ...command] : command;
    const { status, stderr } = spawnSync(program as string, args, {
      cwd: folder,
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        IMGPROOF_HOME: join(folder, 'home'),
        IMGPROOF_CONFIG: config,
      },
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining(`"${path}" is not readable for this user`)]);
    expect(stderr).toMatch(/nothing was sent/iu);
    expect(calls('forbidden')).toBe(0);
  }, 120_000);
});

describe('a reference that changed between admission and sending fails that task without a call', () => {
  test('run: exit 1, with the path and what happened', async () => {
    const path = join(cli.folder, 'changing.png');
    writeFileSync(path, await image('#ff0000'));
    const prompt = 'changing [fault:429 retry-after=2 times=1]';
    const run = cli.run([
      'run',
      '--prompt',
      prompt,
      '--image',
      path,
      '--output-dir',
      cli.outputDir,
      '--json',
    ]);
    await until('the call that is refused for now', () => calls('changing') === 1);
    writeFileSync(path, await image('#00ff00'));
    const { code, stdout } = await run;
    const result = JSON.parse(stdout) as ResultRecord & { exit_code: number; reason: string };
    const error = `${path} was changed after the task was admitted`;
    expect([code, result]).toMatchObject([
      1,
      { ok: false, exit_code: 1, status: 'failed', error, diagnosis: { category: 'input_changed' } },
    ]);
    expect(result.reason).toContain(error);
    expect(result.billing).toEqual({ no: 1, possible: 0, yes: 0 });
    expect(calls('changing')).toBe(1);
  }, 120_000);

  test('batch: that task alone fails, also when the reference is gone', async () => {
    mkdirSync(join(cli.folder, 'refs'), { recursive: true });
    const path = join(cli.folder, 'refs', 'leaving.png');
    writeFileSync(path, await image('#0000ff'));
    const file = await cli.batchFile('leaving.json', [
      { prompt: 'leaving [fault:429 retry-after=2 times=1]', image: 'refs/leaving.png' },
      { prompt: 'staying' },
    ]);
    const batch = cli.run(['batch', file, '--json']);
    await until('the call that is refused for now', () => calls('leaving') === 1);
    rmSync(path);
    const { code, stdout } = await batch;
    const record = JSON.parse(stdout) as BatchResultRecord;
    expect([code, record]).toMatchObject([1, { success: 1, failed: 1 }]);
    expect(record.results[0]).toMatchObject({
      status: 'failed',
      category: 'input_changed',
      error: expect.stringContaining(`"${path}" does not exist`) as unknown,
    });
    expect([calls('leaving'), calls('staying')]).toEqual([1, 1]);
  }, 120_000);
});
