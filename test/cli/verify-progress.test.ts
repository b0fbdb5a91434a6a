/** `verify` of much: one line on a terminal while it goes on (`reference/ux.md`), nothing of it in a pipe. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { lineWidth } from '../../src/cli/layout.ts';
import { paint } from '../../src/cli/paint.ts';
import { tallyLines } from '../../src/cli/verify-progress.ts';
import { startSystem, type System } from '../support/system.ts';
import { newFolder } from '../support/temp-folder.ts';
import { CTRL_C, onTerminal } from '../support/terminal.ts';
import { until } from '../support/cli.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));
const env = { PATH: process.env['PATH'], HOME: '/nonexistent', TERM: 'xterm-256color', LANG: 'C.UTF-8' };

test.each([
  [80, '✓ 309  ✗ 3'],
  [40, 'verifying'],
])('at %i columns no line is wider, and the counts are there', (columns, part) => {
  const look = { columns, rows: 24, colour: false, unicode: true };
  const lines = tallyLines({ found: 1000, done: 312, notProven: 3 }, 41_000, look);
  const text = lines.map((line) => paint(line, false)).join('\n');
  expect(Math.max(...lines.map(lineWidth))).toBeLessThanOrEqual(columns);
  expect(text).toContain(part);
  expect(text.replaceAll(/\s+/gu, ' ')).toMatch(/verifying █+░+ 312\/1000 ✓ 309 ✗ 3 41s$/u);
});

test('before anything was found the bar is empty', () => {
  const look = { columns: 80, rows: 24, colour: false, unicode: false };
  const [line = []] = tallyLines({ found: 0, done: 0, notProven: 0 }, 1_000, look);
  expect(paint(line, false)).toBe(`verifying   ${'-'.repeat(26)}  0/0   + 0  x 0   1s`);
});

let system: System;
let folder: string;
/** Many copies of one run, as an output directory has them. */
beforeAll(async () => {
  system = await startSystem('time-skipping');
  const task = await system.startTask({ prompt: 'once', output_dir: system.outputDir });
  const { run_dir } = await task.result();
  folder = newFolder();
  mkdirSync(join(folder, '_runs'));
  for (let i = 0; i < 300; i += 1)
    cpSync(String(run_dir), join(folder, '_runs', `run-${i}`), { recursive: true });
  return async () => {
    await system.stop();
    rmSync(folder, { recursive: true });
  };
});

test('on a terminal it counts in place and is gone at the end; Ctrl-C ends it', async () => {
  const command = [process.execPath, BIN, 'verify', folder, '--decode'];
  const terminal = onTerminal(command, { columns: 80, cwd: folder, env });
  await until('the counts', () => terminal.screen().some((line) => /^verifying +█*░* +\d+\/300/u.test(line)));
  expect(await terminal.ended).toBe(0);
  expect(terminal.screen().join('\n')).not.toContain('verifying');
  expect(terminal.screen().at(-2)).toMatch(/300 checked/u);
  // eslint-disable-next-line no-control-regex -- it is a control sequence
  expect(terminal.raw()).not.toMatch(/\u001B\[\?25l/u);

  const other = onTerminal(command, { columns: 80, cwd: folder, env });
  await until('the counts', () => other.screen().some((line) => line.startsWith('verifying')));
  other.press(CTRL_C);
  expect(await other.ended).not.toBe(0);
}, 60_000);

test('in a pipe nothing of it is written', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [BIN, 'verify', folder], {
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  expect([status, stdout]).toEqual([0, expect.stringContaining('300 checked')]);
  expect(stderr).not.toContain('verifying');
  expect(stderr).not.toContain('\u001B');
});
