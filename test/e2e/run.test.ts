/** `imgproof run`: its name, how it fails, and how one comes back to it (SPEC B6, C3, C4, H4, H6). */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { ResultRecord } from '../../src/domain/records.ts';
import { type CliAndProvider, type Ended, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started));

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part));
const json = (stdout: string) => JSON.parse(stdout) as ResultRecord & { exit_code: number; reason: string };
const run = (prompt: string, ...more: string[]) =>
  cli.run(['run', '--prompt', prompt, '--output-dir', cli.outputDir, ...more]);

describe('the id of a task without a key (H4)', () => {
  test.each([
    ['its name', ['--task-name', 'cover'], /^cover-\d{8}-\d{6}-[0-9a-f]{6}\n$/u],
    ['image when it has none', [], /^image-\d{8}-\d{6}-[0-9a-f]{6}\n$/u],
  ])(
    'is <task_name>-<timestamp>-<6 hex>: %s',
    async (_, args, id) => {
      const { code, stdout } = await run('named', '--no-wait', ...args);
      expect([code, stdout]).toEqual([0, expect.stringMatching(id)]);
      const described = await cli.run([
        'temporal',
        'workflow',
        'describe',
        '-w',
        stdout.trim(),
        '-o',
        'json',
      ]);
      expect([described.code, described.stdout]).toEqual([0, expect.stringContaining('"imageTask"')]);
    },
    120_000,
  );
});

describe('a run that fails', () => {
  test.each([
    ['is exit 1', 'failing [fault:400]', 1, 'bad_request', 400],
    ['whose key is refused is exit 4', 'failing [fault:401]', 4, 'auth', 401],
    ['for want of balance is exit 4', 'failing [fault:402]', 4, 'quota', 402],
  ])(
    '%s, and --json prints its result with exit_code and reason',
    async (_, prompt, exitCode, category, status) => {
      const { code, stdout } = await run(prompt, '--json');
      const result = json(stdout);
      expect([code, result]).toMatchObject([
        exitCode,
        {
          ok: false,
          acceptable: false,
          status: 'failed',
          stage: 'failed',
          exit_code: exitCode,
          http_status: status,
          diagnosis: { category, retryable: false },
          attempts: [{ http_status: status, billing: 'no' }],
          image_path: null,
        },
      ]);
      expect(result.error).toMatch(/\S/u);
      expect(result.reason).toBe(`failed: ${result.error}`);
      expect(calls(prompt)).toHaveLength(1);
    },
    120_000,
  );

  test('says on standard output what failed, and why', async () => {
    const { code, stdout } = await run('plainly failing [fault:moderation_blocked]');
    expect([code, stdout]).toEqual([1, expect.stringContaining('failed')]);
    expect(stdout).toContain('The safety system refused the request.');
  }, 120_000);
});

describe('let go of and come back to', () => {
  test('SIGINT: exit 130; the printed command comes back to the running task, and tells its result once it has ended', async () => {
    const release = provider.hold();
    const args = ['run', '--prompt', "it's held", '--task-name', 'held', '--output-dir', cli.outputDir];
    const { child, ended } = cli.start(args);
    await until('its call', () => calls("it's held").length === 1);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    const [, line] = /Watch again: +(imgproof watch .*)$/mu.exec(stderr) ?? [];
    expect([code, line]).toEqual([
      130,
      expect.stringMatching(/^imgproof watch held-\d{8}-\d{6}-[0-9a-f]{6}$/u),
    ]);

    const back = typed(`${line} --json`);
    await back.says('running held');
    expect(calls("it's held")).toMatchObject([{ ended_at: null }]);
    release();
    const first = await back.ended;
    expect([first.code, json(first.stdout)]).toMatchObject([
      0,
      { ok: true, exit_code: 0, reason: 'completed' },
    ]);

    const later = await typed(`${line} --json`).ended;
    expect([later.code, json(later.stdout).sha256]).toEqual([0, json(first.stdout).sha256]);
    expect(calls("it's held")).toHaveLength(1);
  }, 120_000);

  /** The line as a person types it at a shell, with `imgproof` on the PATH. */
  function typed(line: string): { says: (part: string) => Promise<void>; ended: Promise<Ended> } {
    const shell = `imgproof() { "$NODE" "$BIN" "$@"; }\n${line}`;
    const child = spawn('sh', ['-c', shell], {
      cwd: cli.folder,
      env: { ...cli.env, NODE: process.execPath, BIN },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const ended = Promise.all([exit, text(child.stdout)]).then(([code, stdout]) => ({
      code,
      stdout,
      stderr: said,
    }));
    return { says: (part) => until(`"${part}"`, () => said.includes(part)), ended };
  }
});
