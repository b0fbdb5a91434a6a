/** What every command has in common: help, usage errors, one JSON document (SPEC C3, H6). */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));

function imgproof(...args: string[]) {
  return imgproofTo('pipe', ...args);
}

function imgproofTo(stdout: number | 'pipe', ...args: string[]) {
  const env = { PATH: process.env['PATH'], HOME: tmpdir(), IMGPROOF_HOME: `${tmpdir()}/imgproof-unused` };
  return spawnSync(process.execPath, [BIN, ...args], {
    encoding: 'utf8',
    env,
    stdio: ['ignore', stdout, 'pipe'],
  });
}

/** `--help` is told from the build, `help` by the program. */
describe('help', () => {
  const commands = imgproof('--help').stdout.matchAll(/^ {2}([a-z]+) {2}/gmu);
  const names = Array.from(commands, ([, name]) => name as string).filter((name) => name !== 'temporal');
  const ofQueue = ['run', 'status', 'list', 'get', 'history', 'cancel'].map((name) => ['queue', name]);

  test.each([[], ...names.map((name) => [name]), ...ofQueue])(
    '`%s %s --help` is what `help` says',
    (...words) => {
      const last = words.pop();
      const help = imgproof(...words, 'help', ...(last === undefined ? [] : [last]));
      expect(help).toMatchObject({ status: 0, stdout: expect.stringContaining('Options:') as unknown });
      const called = last === undefined ? [] : [...words, last];
      for (const flag of ['--help', '-h'])
        expect(imgproof(...called, flag)).toMatchObject({ status: 0, stdout: help.stdout, stderr: '' });
    },
  );

  test('every command is listed', () => expect(names.length).toBeGreaterThan(15));

  test('of a command that nobody knows is that of all', () =>
    expect(imgproof('constructor', '--help').stdout).toBe(imgproof('--help').stdout));

  test('that cannot be written is exit 3', { skip: process.platform !== 'linux' }, () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = imgproofTo(full, '--help');
    closeSync(full);
    expect([status, stderr]).toEqual([3, expect.stringContaining('ENOSPC')]);
  });
});

describe('a usage error', () => {
  test.each<[string, string[], string]>([
    ['an unknown flag', ['batch', 'b.json', '--jsonn', '--json'], "unknown option '--jsonn'"],
    ['a missing flag', ['run', '--json'], "required option '--prompt <text>' not specified"],
    ['a number that is none', ['batch', 'b.json', '--max-workers', 'x', '--json'], 'not a number'],
  ])('with --json is one document too: %s', (_name, args, reason) => {
    const { status, stdout, stderr } = imgproof(...args);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      exit_code: 2,
      reason: expect.stringContaining(reason) as unknown,
    });
    expect([status, stderr]).toEqual([2, expect.stringContaining(reason)]);
  });
});
