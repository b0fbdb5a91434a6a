/** Looking at work from any terminal: watch, list, get, history, status (SPEC C4, C5). */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findServer, findWorker } from '../../src/embedded/processes.ts';
import { type Ended, until } from '../support/cli.ts';
import type { CliAndClient } from '../support/cli-and-client.ts';
import { shareStackAndClient } from '../support/shared-stack.ts';

let { cli, provider, order, resultOf } = {} as CliAndClient;
shareStackAndClient((started) => ({ cli, provider, order, resultOf } = started), {
  env: { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '8000' },
});

const callsFor = (part: string) => provider.calls.filter(({ prompt }) => prompt?.startsWith(part)).length;
const json = ({ stdout }: Pick<Ended, 'stdout'>) => JSON.parse(stdout) as Record<string, unknown>;

function hold(): () => void {
  const release = provider.hold();
  onTestFinished(release);
  return release;
}

const two = (id: string) => [
  { prompt: `${id} 1`, task_name: '封面-1' },
  { prompt: `${id} 2 [fault:400]`, task_name: 'cover-2' },
];

describe('watch', () => {
  test('of a running batch ends as `batch` does: the same document, the same exit code', async () => {
    const release = hold();
    const file = await cli.batchFile('seen.json', two('seen'));
    expect((await cli.run(['batch', file, '--batch-id', 'seen', '--no-wait'])).code).toBe(0);
    await until('both requests', () => callsFor('seen') === 2);
    const byId = cli.start(['watch', 'seen', '--json', '--progress', 'plain']);
    const theOnlyOne = cli.start(['watch', '--json']);
    await until('a picture each', () =>
      [byId, theOnlyOne].every(({ stderr }) => stderr().includes('running 封面-1')),
    );
    release();
    const [watched, only] = await Promise.all([byId.ended, theOnlyOne.ended]);
    const { adopted: _, ...again } = json(await cli.run(['batch', file, '--batch-id', 'seen', '--json']));
    expect([watched.code, only.code]).toEqual([1, 1]);
    expect(json(watched)).toMatchObject({ ok: false, success: 1, failed: 1, exit_code: 1 });
    expect(json(only)).toEqual(json(watched));
    expect(Object.keys(again).toSorted()).toEqual(
      Object.keys(json(watched))
        .filter((key) => key !== 'adopted')
        .toSorted(),
    );
    expect(watched.stderr).toMatch(/\d\/2 failed cover-2 .*not charged: HTTP 400/u);
  }, 90_000);

  test('of what has ended says so at once, without a worker: nothing is replayed for it', async () => {
    await order('done', two('done'));
    const first = await cli.run(['watch', 'done', '--json']);
    const { worker } = await cli.pids();
    process.kill(worker, 'SIGSTOP');
    try {
      const again = await cli.run(['watch', 'done', '--json']);
      expect([again.code, json(again)]).toEqual([1, json(first)]);
      const listed = json(await cli.run(['list', 'done', '--json']));
      expect(listed).toMatchObject({ count: 2, tasks: [{ status: 'completed' }, { status: 'failed' }] });
      expect(json(await cli.run(['get', 'done', '封面-1', '--json']))).toMatchObject({ status: 'completed' });
      expect(json(await cli.run(['history', '-n', '2', '--json']))).toMatchObject({ count: 2 });
      expect(json(await cli.run(['status', 'done', '--json']))).toMatchObject({
        state: 'completed',
        progress: { total: 2, counters: { completed: 1, failed: 1 } },
      });
    } finally {
      process.kill(worker, 'SIGCONT');
    }
  }, 90_000);

  test('of a task alone and of one in a batch: its proof and its exit code', async () => {
    const release = hold();
    const lone = ['--prompt', 'alone', '--task-key', 'alone-1', '--output-dir', cli.outputDir];
    await cli.run(['run', ...lone, '--no-wait']);
    await order('with-tasks', two('with-tasks'));
    await until('all requests', () => callsFor('alone') + callsFor('with-tasks') === 3);
    const watches = ['alone-1', 'with-tasks/封面-1', 'with-tasks/cover-2'].map((key) =>
      cli.start(['watch', key, '--json']),
    );
    await until('a line each', () => watches.every(({ stderr }) => stderr().includes('running')));
    release();
    const [alone, good, bad] = (await Promise.all(watches.map(({ ended }) => ended))) as [
      Ended,
      Ended,
      Ended,
    ];
    expect([alone.code, json(alone)]).toMatchObject([0, { ok: true, task_key: 'alone-1', stage: 'done' }]);
    expect([good.code, json(good)]).toMatchObject([
      0,
      { ok: true, task_key: 'with-tasks/封面-1', stage: 'done' },
    ]);
    expect([bad.code, json(bad)]).toMatchObject([1, { ok: false, http_status: 400, status: 'failed' }]);
    const later = await cli.run(['watch', 'with-tasks/cover-2']);
    expect([later.code, later.stdout]).toEqual([
      1,
      expect.stringContaining('✗ failed  cover-2'.replace('✗', 'x')),
    ]);
  }, 90_000);

  test('without an id and several orders: a list of them, exit 2', async () => {
    const release = hold();
    await order('one-of', [{ prompt: 'one-of' }]);
    await order('two-of', [{ prompt: 'two-of' }]);
    const { code, stderr } = await cli.run(['watch']);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/2 orders run; say which[^]*two-of {2}batch, running[^]*one-of/u),
    ]);
    release();
    await Promise.all([resultOf('one-of'), resultOf('two-of')]);
  }, 90_000);

  test('of a paused batch shows since when and why; --wait-timeout leaves it; quiet says nothing', async () => {
    const release = hold();
    await order('halted', two('halted'), { max_workers: 1 });
    await until('its request', () => callsFor('halted') === 1);
    await cli.run(['pause', 'halted', '--reason', '看一下']);
    const events = await cli.run(['watch', 'halted', '--progress', 'rawjson', '--wait-timeout', '3']);
    expect([events.code, events.stderr]).toEqual([
      124,
      expect.stringMatching(/"paused":\{"by":"person","since":"[^"]+","reason":"看一下"\}/u),
    ]);
    const lines = await cli.run(['watch', 'halted', '--progress', 'plain', '--wait-timeout', '3']);
    expect([lines.code, lines.stderr]).toEqual([124, expect.stringContaining('0/2 paused: 看一下')]);
    const quiet = await cli.run(['watch', 'halted', '--progress', 'quiet', '--wait-timeout', '3']);
    expect([quiet.code, quiet.stderr]).toEqual([
      124,
      expect.stringMatching(/^Detached\. "halted" keeps running/u),
    ]);
    expect((await cli.run(['status', 'halted'])).stdout).toMatch(
      /! paused since \d\d:\d\d UTC, \d+s: 看一下/u,
    );
    expect((await cli.run(['status'])).stdout).toMatch(/halted +paused +0\/2 +0 +2\d{3}-.* UTC +看一下/u);
    expect(json(await cli.run(['status', '--json']))).toMatchObject({
      open_batches: [{ batch_id: 'halted', state: 'paused', total: 2, done: 0, eta_seconds: null }],
    });
    expect(json(await cli.run(['get', 'halted', 'cover-2', '--json']))).toMatchObject({ status: 'queued' });
    release();
    await cli.run(['cancel', 'halted']);
    expect(json(await cli.run(['watch', 'halted', '--json']))).toMatchObject({ success: 1, cancelled: 1 });
  }, 90_000);

  test('alone finishes a batch after kill -9 of server, supervisor and worker (C5)', async () => {
    const release = hold();
    await order(
      'killed',
      [1, 2, 3].map((i) => ({ prompt: `killed ${i}`, task_name: `t${i}` })),
      { max_workers: 2 },
    );
    await until('two requests', () => callsFor('killed') === 2);
    const { supervisor, server, worker } = await cli.pids();
    for (const pid of [supervisor, worker, server]) process.kill(pid, 'SIGKILL');
    await until('the end of all', async () => !(await findServer(cli.home)) && !(await findWorker(cli.home)));
    release();
    const { code, stdout } = await cli.run(['watch', 'killed', '--json']);
    expect([code, json({ stdout })]).toMatchObject([0, { ok: true, success: 3 }]);
  }, 180_000);
});

describe('get', () => {
  test('shows metadata, attempts with their money, ends of the output and paths (F11)', async () => {
    await order('looked-at', two('looked-at'));
    await resultOf('looked-at');
    const { stdout } = await cli.run(['get', 'looked-at', 'cover-2', '--tail-bytes', '40', '--json']);
    const detail = json({ stdout }) as { artifacts: Record<string, string>; stderr_tail: string };
    expect(detail).toMatchObject({
      ok: true,
      task_key: 'looked-at/cover-2',
      batch_id: 'looked-at',
      status: 'failed',
      attempts: [{ attempt: 1, http_status: 400, billing: 'no' }],
      billing: { no: 1, possible: 0, yes: 0 },
    });
    expect(Buffer.byteLength(detail.stderr_tail)).toBeLessThanOrEqual(40);
    expect(detail.artifacts['result_json']).toBe(join(detail.artifacts['run_dir'] ?? '', 'result.json'));
    expect((await cli.run(['get', 'looked-at/cover-2', '--tail-bytes', '-1'])).code).toBe(2);
    expect((await cli.run(['get', 'looked-at'])).stderr).toContain('is a batch');
  }, 60_000);
});

test('list and history: states, statuses, newest first; a status there is not is refused with those there are', async () => {
  await order('table', two('table'));
  await resultOf('table');
  expect(json(await cli.run(['list', '--json']))).toMatchObject({
    orders: expect.arrayContaining([
      expect.objectContaining({ id: 'table', state: 'completed', total: 2, done: 2, not_completed: 1 }),
    ]) as unknown,
  });
  expect((await cli.run(['list', 'table', '--status', 'failed,timed_out'])).stdout).toMatch(
    /^TASK +STATUS[^]*\ncover-2 +failed +img2img|text2img/u,
  );
  const { history } = json(await cli.run(['history', 'table', '--json'])) as {
    history: { ended_at: string }[];
  };
  const ends = history.map(({ ended_at }) => ended_at);
  expect(ends).toEqual(ends.toSorted().toReversed());
  const { code, stderr } = await cli.run(['list', 'table', '--status', 'broken']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('known are queued, running, completed')]);
}, 60_000);

test('list, get, history and status start nothing on a stopped system: exit 3, and how to start it', async () => {
  await cli.run(['down']);
  for (const args of [
    ['list'],
    ['list', 'table'],
    ['get', 'table/cover-2'],
    ['history'],
    ['status', 'table'],
  ]) {
    const { code, stderr } = await cli.run(args);
    expect([code, stderr]).toEqual([3, expect.stringContaining('`imgproof up` starts it')]);
  }
  expect(await findServer(cli.home)).toBeNull();
}, 60_000);
