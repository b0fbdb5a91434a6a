/** The same batch id ordered again: attached, adopted, said so, or refused before anything is sent (SPEC B6). */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started));

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part)).length;
const json = (stdout: string) => JSON.parse(stdout) as BatchResultRecord & { reason: string };
const NOTE = /ran before, but no result of it was found in this output directory/u;

describe('resubmitted when it has ended', () => {
  test('into another output directory it makes everything there and says that it found nothing', async () => {
    const file = await cli.batchFile('moved.json', [{ prompt: 'moved 1' }, { prompt: 'moved 2' }]);
    const first = await cli.run(['batch', file, '--json']);
    expect([first.code, first.stderr]).toEqual([0, expect.not.stringMatching(NOTE)]);
    const elsewhere = join(cli.folder, 'elsewhere');
    const second = await cli.run(['batch', file, '--json', '--output-dir', elsewhere]);
    expect([second.code, second.stderr]).toEqual([0, expect.stringMatching(NOTE)]);
    expect(second.stderr).toContain(`"${json(first.stdout).batch_id}"`);
    expect(json(second.stdout)).toMatchObject({
      batch_id: json(first.stdout).batch_id,
      success: 2,
      adopted: 0,
      results: [{ image_path: expect.stringContaining(elsewhere) as unknown }, {}],
    });
    expect(calls('moved')).toBe(4);

    const third = await cli.run(['batch', file, '--json']);
    expect([json(third.stdout).adopted, calls('moved')]).toEqual([2, 4]);
    expect(third.stderr).not.toMatch(NOTE);
  }, 120_000);

  test('with --again it orders everything anew and has nothing to note', async () => {
    const file = await cli.batchFile('anew.json', [{ prompt: 'anew' }]);
    await cli.run(['batch', file]);
    const { code, stderr } = await cli.run(['batch', file, '--again']);
    expect([code, calls('anew')]).toEqual([0, 2]);
    expect(stderr).not.toMatch(NOTE);
  }, 120_000);
});

describe('refused with exit 2, and nothing is sent', () => {
  test('--again while it runs', async () => {
    const release = provider.hold();
    const file = await cli.batchFile('busy.json', [{ prompt: 'busy' }]);
    const running = cli.run(['batch', file, '--json']);
    await until('its call', () => calls('busy') === 1);
    const again = await cli.run(['batch', file, '--again', '--json']);
    expect(provider.inFlight).toBe(1);
    expect([again.code, json(again.stdout)]).toMatchObject([
      2,
      { ok: false, exit_code: 2, reason: expect.stringContaining('is still running') as unknown },
    ]);
    expect(again.stderr).toMatch(/nothing was sent/iu);
    release();
    expect(json((await running).stdout)).toMatchObject({ ok: true, success: 1 });
    expect(calls('busy')).toBe(1);
  }, 120_000);

  test('an explicit id with other content, also with --again, and after down with the database gone', async () => {
    const own = await cli.batchFile('own.json', [{ prompt: 'own content' }]);
    const other = await cli.batchFile('other.json', [{ prompt: 'other content' }]);
    const order = (file: string, ...more: string[]) =>
      cli.run(['batch', file, '--batch-id', 'explicit', '--json', ...more]);
    expect((await order(own)).code).toBe(0);
    const refused = {
      ok: false,
      exit_code: 2,
      reason: expect.stringContaining('the batch id "explicit" was used for other content') as unknown,
    };
    expect(json((await order(other)).stdout)).toMatchObject(refused);
    expect(json((await order(other, '--again')).stdout)).toMatchObject(refused);

    expect((await cli.run(['down'])).code).toBe(0);
    for (const name of readdirSync(cli.home))
      if (name.startsWith('temporal.db')) rmSync(join(cli.home, name));
    for (const more of [[], ['--again']]) {
      const { code, stdout } = await order(other, ...more);
      expect([code, json(stdout)]).toMatchObject([2, refused]);
    }
    expect(calls('other content')).toBe(0);
    // What was refused says nothing of what the id stands for.
    expect(json((await order(own)).stdout)).toMatchObject({ ok: true, adopted: 1 });
    expect(calls('own content')).toBe(1);
  }, 180_000);
});
