/** What every command has in common: help, usage errors, one JSON document (SPEC C3, H6). */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));

function imgproof(...args: string[]) {
  const env = { PATH: process.env['PATH'], HOME: tmpdir(), IMGPROOF_HOME: `${tmpdir()}/imgproof-unused` };
  return spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8', env });
}

describe('help', () => {
  test.each(['run', 'batch', 'verify', 'down'])('`help %s` is what its --help says', (command) => {
    const help = imgproof('help', command);
    expect([help.status, help.stdout]).toEqual([0, imgproof(command, '--help').stdout]);
    expect(help.stdout).toContain('Options:');
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
