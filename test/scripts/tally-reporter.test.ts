/** A test that needs something missing is skipped with its reason printed, never green by silence (DESIGN 7). */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** What `npm test` counts of these tests. */
function tallyOf(tests: string, ...args: string[]) {
  const folder = tempFolder();
  mkdirSync(join(folder, 'test'));
  writeFileSync(join(folder, 'test', 'a.test.ts'), `import { test } from 'vitest';\n${tests}`);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const tallyFile = join(folder, 'tally.json');
  const reporter = `--reporter=${join(ROOT, 'scripts', 'tally-reporter.mjs')}`;
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const { status, stderr } = spawnSync(
    process.execPath,
    [vitest, 'run', '--root', folder, reporter, ...args],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: folder, IMGPROOF_TALLY_FILE: tallyFile },
    },
  );
  expect(status, stderr).not.toBeNull();
  return JSON.parse(readFileSync(tallyFile, 'utf8')) as unknown;
}

const SKIPPED = `test('needs a thing', ({ skip }) => { skip(true, 'the thing is not here'); });\n`;
const PASSED = `test('passes', () => undefined);\n`;

describe('the tally of npm test', () => {
  test('names a skipped test with its reason', () => {
    expect(tallyOf(SKIPPED + PASSED)).toEqual({
      passed: 1,
      flaky: [],
      failed: 0,
      skipped: [{ name: 'needs a thing', reason: 'the thing is not here' }],
    });
  });

  test.each([
    ['skipIf', `test.skipIf(true)('silent', () => undefined);\n`],
    ['skip', `test.skip('silent', () => undefined);\n`],
    ['a condition without words', `test('silent', ({ skip }) => { skip(true); });\n`],
  ])('counts a test skipped without a reason as a failure: %s', (_, silent) => {
    expect(tallyOf(silent + PASSED)).toEqual({
      passed: 1,
      flaky: [],
      failed: 1,
      skipped: [{ name: 'silent', reason: 'no reason given, which is a failure' }],
    });
  });

  test('counts what `only` leaves out as failures', () => {
    const only = `test.only('alone', () => undefined);\n`;
    expect(tallyOf(only + PASSED)).toMatchObject({ passed: 1, failed: 1, skipped: [{ name: 'passes' }] });
  });

  test('does not count what a name pattern leaves out', () => {
    expect(tallyOf(SKIPPED + PASSED, '-t', 'passes')).toEqual({
      passed: 1,
      flaky: [],
      failed: 0,
      skipped: [],
    });
  });
});
