/** Screens and signals of real processes: in pipes, and on a terminal (SPEC C2, C4). */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import stringWidth from 'string-width';
import { beforeEach, describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';
import { CTRL_C, type OnTerminal, onTerminal } from '../support/terminal.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));
const ESC = '\u001B';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { isUp: true });
beforeEach(() => {
  provider.setLatencyMs(0);
});

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part)).length;
const record = (stdout: string) => JSON.parse(stdout) as BatchResultRecord & { exit_code: number };
const lines = (text: string) => text.split('\n').filter((line) => line !== '');

/** Start a batch whose requests are under way, and which has said so. */
async function underWay(name: string, tasks: number, args: string[] = []) {
  provider.setLatencyMs(6_000);
  const file = await cli.batchFile(
    `${name}.json`,
    Array.from({ length: tasks }, (_, i) => ({ prompt: `${name} ${i}` })),
  );
  const { child, ended } = cli.start(['batch', file, ...args]);
  let said = '';
  child.stderr?.on('data', (text: string) => (said += text));
  const started = Math.min(4, tasks);
  await until(`${started} calls`, () => calls(name) === started && said.split(' running ').length > started);
  return { file, child, ended };
}

describe('in a pipe', () => {
  test.each(['auto', 'tty', 'plain', 'quiet', 'rawjson'])(
    '--progress %s: no escape sequence, and --json is all of standard output',
    async (form) => {
      const file = await cli.batchFile(`${form}.json`, [
        { prompt: `${form} 1`, task_name: '封面-1' },
        { prompt: `${form} 2 [fault:400]` },
      ]);
      const env = { FORCE_COLOR: '1', LANG: 'C.UTF-8', TERM: 'xterm-256color' };
      const { code, stdout, stderr } = await cli.run(['batch', file, '--json', '--progress', form], { env });
      expect([code, record(stdout).success, record(stdout).failed]).toEqual([1, 1, 1]);
      expect(stdout + stderr).not.toContain(ESC);
      if (form === 'quiet') expect(stderr).toBe('');
      else expect(stderr).toContain('Web UI');
      if (form !== 'rawjson') return;
      for (const line of lines(stderr)) expect(JSON.parse(line)).toMatchObject({ schema_version: 1 });
    },
    60_000,
  );

  test('rawjson: also what is wrong with a file is an event', async () => {
    const { code, stdout, stderr } = await cli.run(['batch', '{"tasks": [{}]}', '--progress', 'rawjson']);
    expect([code, stdout]).toEqual([2, '']);
    const events = lines(stderr).map((line) => JSON.parse(line) as { event: string; text: string });
    expect(events.map(({ event }) => event)).toEqual(['message', 'message']);
    expect(events.at(-1)?.text).toContain('Nothing was sent');
  });

  test('a reader that goes away stops nothing: the exit code tells, and no stack is printed', async () => {
    for (const gone of ['stdout', 'stderr'] as const) {
      const file = await cli.batchFile(`gone-${gone}.json`, [{ prompt: `gone ${gone}` }]);
      const { child, ended } = cli.start(['batch', file, '--json']);
      child[gone]?.destroy();
      const { code, stdout, stderr } = await ended;
      expect([gone, code, calls(`gone ${gone}`)]).toEqual([gone, 0, 1]);
      if (gone === 'stdout') expect(stderr).not.toMatch(/EPIPE|\n +at /u);
      else expect(record(stdout).ok).toBe(true);
    }
  }, 60_000);
});

test('data that a full disk refuses is not lost silently: exit 3', () => {
  const { status, stderr } = spawnSync(
    'sh',
    ['-c', `"${process.execPath}" "${BIN}" verify --rules > /dev/full`],
    {
      encoding: 'utf8',
      env: cli.env,
    },
  );
  expect([status, stderr]).toEqual([3, expect.stringContaining('standard output could not be written')]);
});

describe('signals', () => {
  test.each<['SIGINT' | 'SIGTERM', number]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])(
    '%s lets go at once, exit %i: how many run and wait, how to come back, how to stop; the work goes on',
    async (signal, exitCode) => {
      const name = `let-go-${signal.toLowerCase()}`;
      const { file, child, ended } = await underWay(name, 5);
      child.kill(signal);
      const { code, stderr, stdout } = await ended;
      provider.setLatencyMs(0);
      expect([code, stdout]).toEqual([exitCode, '']);
      expect(stderr).toMatch(/Detached\. "[^"]+" keeps running on the server \(4 running, 1 waiting\)\./u);
      expect(stderr).toMatch(new RegExp(`Watch again: +imgproof watch ${name}-`, 'u'));
      expect(stderr).toMatch(/Stop it: +imgproof cancel let-go/u);
      const back = await cli.run(['batch', file, '--json']);
      expect([back.code, record(back.stdout).success, calls(name)]).toEqual([0, 5, 5]);
    },
    60_000,
  );

  test('SIGINT twice ends at once; the work goes on', async () => {
    const { file, child, ended } = await underWay('twice', 1);
    const pressedAtMs = Date.now();
    child.kill('SIGINT');
    child.kill('SIGINT');
    await ended;
    expect(child.exitCode ?? child.signalCode).toSatisfy((end) => end === 130 || end === 'SIGINT');
    expect(Date.now() - pressedAtMs).toBeLessThan(5_000);
    const back = await cli.run(['batch', file, '--json']);
    expect([record(back.stdout).success, calls('twice')]).toEqual([1, 1]);
  }, 60_000);

  test('SIGINT is answered at once also while the server is silent', async () => {
    const { server } = await cli.pids();
    const { child, ended } = await underWay('silent', 1);
    process.kill(server, 'SIGSTOP');
    try {
      const pressedAtMs = Date.now();
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      expect([code, stderr]).toEqual([130, expect.stringContaining('Watch again:')]);
      expect(Date.now() - pressedAtMs).toBeLessThan(4_500);
    } finally {
      process.kill(server, 'SIGCONT');
    }
  }, 60_000);
});

describe('on a terminal', () => {
  const start = (args: string[], columns: number, env: NodeJS.ProcessEnv = {}): OnTerminal =>
    onTerminal([process.execPath, BIN, ...args], {
      columns,
      cwd: cli.folder,
      env: { ...cli.env, LANG: 'C.UTF-8', TERM: 'xterm-256color', ...env },
    });
  const slowBatch = async (name: string, latencyMs = 6_000) => {
    provider.setLatencyMs(latencyMs);
    return cli.batchFile(`${name}.json`, [
      { prompt: `${name} 1`, task_name: '封面-晨光柜台' },
      { prompt: `${name} 2`, task_name: '角色重绘' },
      { prompt: `${name} 3 [fault:400]`, task_name: 'cover-3' },
    ]);
  };
  const titles = (terminal: OnTerminal) => terminal.screen().filter((line) => line.includes('3 tasks ·'));

  test('running, let go by Ctrl-C, attached again, finished: each picture once, the cursor never hidden', async () => {
    const file = await slowBatch('画面', 20_000);
    const first = start(['batch', file], 80);
    await until('a request on the screen', () => first.screen().some((line) => /of 10m 00s/u.test(line)));
    expect(first.screen().join('\n')).toMatch(/▷ 封面-晨光柜台 +文生图 +\ds of 10m 00s +attempt 1/u);
    expect(first.screen()).toContainEqual(expect.stringContaining('Ctrl-C detaches'));
    first.press(CTRL_C);
    expect(await first.ended).toBe(130);
    expect(first.screen().join('\n')).toMatch(/Detached\. "画面-[0-9a-f]{10}" keeps running/u);
    expect(first.screen().join('\n')).not.toContain('Ctrl-C detaches');

    const second = start(['batch', file], 80);
    await until('the picture of the attached', () => titles(second).length === 1);
    expect(titles(second)[0]).toMatch(/^attached to 画面-/u);
    expect(await second.ended).toBe(1);
    expect(titles(second)).toHaveLength(1);
    const screen = second.screen().join('\n');
    expect(screen).toMatch(/█+ +3\/3 +✓ 2 +✗ 1 +▷ 0 +• 0/u);
    expect(screen).toMatch(/✗ cover-3 +failed after \d+s, not charged: HTTP 400/u);
    expect(screen).toMatch(/✗ 2 completed, 1 failed of 3/u);
    expect(first.raw() + second.raw()).not.toContain(`${ESC}[?25l`);
    expect(calls('画面')).toBe(3);
  }, 90_000);

  test('a window that becomes narrow and wide again shows one picture that fits', async () => {
    const terminal = start(['batch', await slowBatch('resize')], 120);
    await until('the picture', () => terminal.screen().some((line) => line.includes('▷ 角色重绘')));
    for (const columns of [50, 34, 100]) {
      terminal.resize(columns, 30);
      const barWidth = Math.min(30, Math.floor(columns / 3));
      await until(`one picture of ${columns} columns`, () => {
        const [only, ...others] = terminal.screen().filter((line) => /^[█░]/u.test(line));
        const title = terminal.screen().filter((line) => line.startsWith('resize-'));
        return only?.indexOf(' ') === barWidth && others.length === 0 && title.length === 1;
      });
      for (const line of terminal.screen()) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    }
    terminal.press(CTRL_C);
    expect(await terminal.ended).toBe(130);
  }, 60_000);

  test.each([{ NO_COLOR: '1' }, { TERM: 'dumb' }])(
    '%o: lines, and not one escape sequence',
    async (env) => {
      const file = await cli.batchFile(`no-${Object.keys(env)[0]}.json`, [{ prompt: 'no escapes' }]);
      const terminal = start(['batch', file], 80, env);
      expect(await terminal.ended).toBe(0);
      expect(terminal.raw()).toContain('1/1 completed');
      expect(terminal.raw()).not.toContain(ESC);
    },
    60_000,
  );

  test('cancel asks what is meant: no leaves everything as it is, yes stops what waits', async () => {
    provider.setLatencyMs(20_000);
    const tasks = Array.from({ length: 6 }, (_, i) => ({ prompt: `asked ${i}` }));
    await cli.run(['batch', await cli.batchFile('asked.json', tasks), '--batch-id', 'asked', '--no-wait']);
    await until('4 calls', () => calls('asked') === 4);
    const answered = async (keys: string) => {
      const terminal = start(['cancel', 'asked'], 80);
      await until('the question', () => terminal.screen().some((line) => line.includes('[y/N]')));
      expect(terminal.screen().join('')).toContain(
        'Stop 2 waiting and let 4 running finish (may be paid for already)? [y/N]',
      );
      terminal.press(keys);
      expect(await terminal.ended).toBe(0);
      return terminal.screen().join('\n');
    };
    for (const no of ['\r', 'n\r', '\u0004'])
      expect(await answered(no)).toMatch(/^Nothing was cancelled\.$/mu);
    expect(await answered('y\r')).toMatch(/2 .*cancelled/u);
    await cli.run(['cancel', 'asked', '--now', '--yes']);
  }, 90_000);

  test('run: one line while it waits, which the end replaces', async () => {
    provider.setLatencyMs(6_000);
    const terminal = start(['run', '--prompt', 'alone', '--task-name', '封面', '--output-dir', 'out'], 80);
    await until('the wait', () => terminal.screen().some((line) => line.includes('waiting for the image')));
    expect(await terminal.ended).toBe(0);
    const screen = terminal.screen().join('\n');
    expect(screen).not.toContain('waiting for the image');
    expect(screen).toMatch(/✓ completed {2}封面 {2}\d+s {2}[\d,]+ B {2}1 request, 1 charged/u);
  }, 60_000);
});

test('before anything is ordered Ctrl-C says so', async () => {
  await cli.run(['down']);
  const { child, ended } = cli.start(['batch', '{"tasks": [{"prompt": "never ordered"}]}']);
  let said = '';
  child.stderr?.on('data', (text: string) => (said += text));
  await until('the start of the server', () => said.includes('starting'));
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  expect([code, stderr]).toEqual([130, expect.stringContaining('Nothing was ordered')]);
  // What it began to start goes on, for the next command.
  expect((await cli.run(['up'])).code).toBe(0);
  expect(calls('never ordered')).toBe(0);
}, 60_000);
