/** What the old queue runner was tested for, on the new one (SPEC B3, F4, F11, S). */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ResultRecord } from '../../src/domain/records.ts';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';
import { peakInFlight } from '../support/provider-calls.ts';
import { isKnownEvent, pollState, queueIn } from '../support/queue.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { env: { IMGPROOF_ALLOW_MOCK: '1' }, isUp: true });
beforeEach(() => provider.setLatencyMs(0));

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part));
const tasks = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ task_name: `${name}-${i + 1}`, prompt: `${name} ${i + 1}` }));

describe('at most max_workers are in flight', () => {
  test('and the worker of each task is kept; queue_state.json is whole and consistent at every instant', async () => {
    provider.setLatencyMs(700);
    const queue = queueIn(cli, 'two-workers');
    const file = await cli.batchFile('two.json', tasks('two', 6));
    const run = queue.call('run', `@${file}`, '--max-workers', '2');
    const seen = await pollState(queue, run);
    expect([...seen.problems]).toEqual([]);
    expect(seen.looks).toBeGreaterThan(10);
    expect([seen.mostRunning, seen.mostWorkers]).toEqual([2, 2]);
    expect(peakInFlight(calls('two'))).toBe(2);
    const { code, json } = await run;
    expect([code, json]).toMatchObject([
      0,
      { ok: true, max_workers: 2, counters: { completed: 6 }, running: {}, queued: [], tasks_total: 6 },
    ]);
    const state = queue.state();
    expect(state).toMatchObject({ status: 'done', running: {}, queued: [], workers: {} });
    for (const row of queue.rows()) {
      const result = JSON.parse(await readFile(String(row.result_json), 'utf8')) as ResultRecord;
      expect(row).toMatchObject({ status: 'completed', worker_id: result.worker_id, pid: result.pid });
      expect(row.worker_id).toMatch(/slot-[12]$/u);
    }
  }, 120_000);

  test('another number while it runs stands in queue_state.json, and stays there', async () => {
    const queue = queueIn(cli, 'more-workers');
    const release = provider.hold();
    const file = await cli.batchFile('more.json', tasks('more', 4));
    const run = queue.call('run', file, '--max-workers', '1');
    await until('the first call', () => calls('more').length === 1);
    const { queue_id } = queue.state();
    const update = ['workflow', 'update', 'execute', '-w', queue_id, '--name', 'setMaxWorkers'];
    for (const max_workers of [2, 3])
      await cli.run(['temporal', ...update, '--input', JSON.stringify({ max_workers })]);
    await until('the file to say so', () => queue.state().max_workers === 3);
    release();
    expect(await run).toMatchObject({ code: 0, json: { ok: true, max_workers: 3 } });
    expect(queue.state()).toMatchObject({ status: 'done', max_workers: 3 });
  }, 60_000);
});

describe('a task whose time is over', () => {
  test('is timed_out, and its slot is free for the next one', async () => {
    const queue = queueIn(cli, 'late');
    const prompts = ['late [fault:hang]', 'late no more'];
    const late = prompts.map((prompt, i) => ({ prompt, task_name: `late-${i + 1}` }));
    const file = await cli.batchFile('late.json', late);
    const { code, json } = await queue.call('run', file, '--max-workers', '1', '--task-timeout-seconds', '6');
    expect([code, json.counters]).toMatchObject([1, { timed_out: 1, completed: 1, running: 0, queued: 0 }]);
    const [cut] = queue.rows();
    expect(cut).toMatchObject({ status: 'timed_out', error: expect.any(String) as unknown });
    const events = (await queue.lines('events.jsonl')).filter(({ task_id }) => task_id === cut?.task_id);
    expect(events.map(({ event }) => event)).toEqual([
      'task_accepted',
      'task_started',
      'task_timeout_kill_start',
      'task_timeout_kill_done',
      'task_finished',
    ]);
  }, 120_000);
});

describe('a queue that is full', () => {
  test.each([
    ['reject', 'rejected'],
    ['discard', 'discarded'],
  ])(
    'with the policy %s: the rest is %s with a folder each, and the run goes on',
    async (policy, status) => {
      const queue = queueIn(cli, `full-${policy}`);
      const file = await cli.batchFile('full.json', tasks(`full-${policy}`, 4));
      const limits = ['--max-workers', '1', '--max-queue-size', '1', '--overflow-policy', policy];
      const { code, json } = await queue.call('run', file, ...limits);
      expect([code, json]).toMatchObject([1, { ok: false, counters: { completed: 2, [status]: 2 } }]);
      expect(calls(`full-${policy}`)).toHaveLength(2);
      for (const row of queue.rows().slice(2)) {
        expect(row).toMatchObject({
          status,
          accepted: false,
          error: expect.stringContaining('queue full') as unknown,
        });
        expect(existsSync(join(row.task_dir, 'task.json'))).toBe(true);
      }
    },
    60_000,
  );
});

describe('a key that was seen before', () => {
  test('is skipped, whatever becomes of the first, and makes ok false', async () => {
    const queue = queueIn(cli, 'keys');
    const file = await cli.batchFile('keys.json', [
      { prompt: 'keys 1', task_key: 'same' },
      { prompt: 'keys 2', task_name: 'same' },
      { task_name: 'broken' },
      { prompt: 'keys 4', task_name: 'broken' },
    ]);
    const { code, json } = await queue.call('run', file);
    expect([code, json]).toMatchObject([
      1,
      { ok: false, counters: { completed: 1, skipped: 2, rejected: 1 }, tasks_total: 4 },
    ]);
    expect(queue.rows().map(({ status }) => status)).toEqual(['completed', 'skipped', 'rejected', 'skipped']);
    expect(queue.rows()[1]?.error).toContain('already used by task 1');
    expect(calls('keys')).toHaveLength(1);
  }, 60_000);

  test('and is active in another run: skipped with the id of the active one, told while the run goes on', async () => {
    const release = provider.hold();
    const [first, second] = [queueIn(cli, 'first'), queueIn(cli, 'second')];
    const file = await cli.batchFile('active.json', tasks('active', 2));
    const others = await cli.batchFile('others.json', [...tasks('active', 1), ...tasks('beside', 1)]);
    const one = first.call('run', file);
    await provider.waitForCalls(provider.calls.length + 2, 30_000);
    const two = second.call('run', others);
    await provider.waitForInFlight(3, 30_000);
    await expect.poll(() => second.rows()[0]?.status, { timeout: 20_000 }).toBe('skipped');
    expect(second.state()).toMatchObject({ status: 'running', counters: { running: 1, skipped: 1 } });
    expect(second.rows()[0]?.error).toContain('active elsewhere: workflow active-1');
    release();
    expect([(await one).json['ok'], (await two).json['ok'], (await two).code]).toEqual([true, false, 1]);
  }, 120_000);
});

describe('an invalid task', () => {
  test('is rejected with everything that is wrong with it and a folder of its own; the others run', async () => {
    const queue = queueIn(cli, 'invalid');
    const six = Array.from({ length: 6 }, (_, i) => `r${i}.png`);
    const file = await cli.batchFile('invalid.json', [
      { task_name: 'no-prompt', size: '5x5' },
      { prompt: 'invalid six', images: six },
      { prompt: 'invalid gone', image: 'gone.png' },
      'no object',
      { prompt: 'invalid but this one is not' },
    ]);
    const { code, json, stderr } = await queue.call('run', file);
    expect([code, json.counters]).toMatchObject([1, { rejected: 4, completed: 1 }]);
    expect(queue.rows().map(({ error }) => error)).toEqual([
      expect.stringMatching(/^prompt is missing; size /u),
      expect.stringContaining('6 reference images; at most 5'),
      expect.stringMatching(/gone\.png" does not exist/u),
      expect.stringContaining('expected an object with a prompt'),
      null,
    ]);
    expect(stderr).toMatch(/invalid\.json:\d+:\d+ +tasks\[0\]\.prompt +is missing/u);
    expect(stderr).toContain('4 tasks will be rejected; the others run');
    for (const { task_dir } of queue.rows()) expect(existsSync(join(task_dir, 'task.json'))).toBe(true);
    expect(calls('invalid')).toHaveLength(1);
  }, 60_000);

  test('what is wrong with the queue as a whole is exit 2 and nothing is sent', async () => {
    const queue = queueIn(cli, 'whole');
    const file = await cli.batchFile('whole.json', tasks('whole', 1), { queue_limit: 3, queue: { size: 1 } });
    const { code, json, stderr } = await queue.call('run', file);
    expect([code, json]).toMatchObject([2, { ok: false, exit_code: 2 }]);
    expect(stderr).toContain('queue_limit');
    expect(stderr).toContain('queue.size');
    expect(existsSync(queue.stateDir)).toBe(false);
  }, 60_000);
});

describe('the files of a run', () => {
  test('are those of SPEC F4, and tasks.jsonl has one line for each ended task', async () => {
    const queue = queueIn(cli, 'files');
    const file = await cli.batchFile('files.json', [
      { prompt: `files one ${'long '.repeat(60)}` },
      { prompt: 'files [fault:moderation_blocked]' },
      {},
    ]);
    const { json } = await queue.call('run', file);
    expect(json).toMatchObject({
      queue_id: expect.stringMatching(/^q-\d{8}-\d{6}-[0-9a-f]{6}$/u) as unknown,
      state_dir: queue.stateDir,
      task_timeout_seconds: 600,
      max_queue_size: 100,
    });
    const [done, failed, rejected] = queue.rows();
    expect(done?.task_id).toMatch(/^t-\d{8}-\d{6}-[0-9a-f]{10}$/u);
    expect(Array.from(done?.prompt_summary ?? '')).toHaveLength(180);
    expect(done).toMatchObject({ index: 1, task_key: 'task-01', accepted: true, output_dir: cli.outputDir });
    expect(failed).toMatchObject({ status: 'failed', output: null, error: expect.any(String) as unknown });
    const names = async (dir: string | undefined) => (await readdir(dir ?? '')).sort();
    const whole = [
      'attempt-01',
      'command.json',
      'result.dsse.json',
      'result.json',
      'state.json',
      'stderr.txt',
      'stdout.txt',
      'task.json',
    ];
    expect(await names(done?.task_dir)).toEqual(whole);
    expect(await names(failed?.task_dir)).toEqual(whole);
    expect(await names(rejected?.task_dir)).toEqual(['state.json', 'task.json']);
    const ended = await queue.lines('tasks.jsonl');
    expect(ended.map(({ task_name, status }) => `${String(task_name)} ${String(status)}`).sort()).toEqual([
      'task-01 completed',
      'task-02 failed',
      'task-03 rejected',
    ]);
    const events = await queue.lines('events.jsonl');
    expect(events.filter(({ event }) => !isKnownEvent(event))).toEqual([]);
    expect(events.map(({ event }) => String(event)).sort()).toEqual(
      ['accepted', 'accepted', 'finished', 'finished', 'rejected', 'started', 'started'].map(
        (e) => `task_${e}`,
      ),
    );
    const runDir = join(queue.stateDir, 'runs', json.queue_id);
    const ofBatch = ['batch_request.json', 'batch_result.json', 'manifest.dsse.json', 'manifest.jsonl'];
    expect(await names(runDir)).toEqual([...ofBatch, 'queue_state.json']);
    const verified = await cli.run(['verify', queue.stateDir, '--json']);
    expect([verified.code, JSON.parse(verified.stdout)]).toMatchObject([
      5,
      { totals: { batches: 1, batches_not_ok: 0, verdicts: { proven: 1, 'not completed': 2 } } },
    ]);
  }, 60_000);
});

describe('the ways to say what to run', () => {
  const list = (name: string) => JSON.stringify([{ prompt: `${name} by list`, output_dir: cli.outputDir }]);

  test('a list, inline and from standard input', async () => {
    const queue = queueIn(cli, 'forms');
    expect((await queue.call('run', list('inline'))).json).toMatchObject({ ok: true, tasks_total: 1 });
    const args = ['queue', 'run', '-', '--state-dir', queue.stateDir];
    const piped = await cli.run(args, {
      input: JSON.stringify({ tasks: JSON.parse(list('piped')) as unknown }),
    });
    expect([piped.code, JSON.parse(piped.stdout)], piped.stderr).toMatchObject([
      0,
      { ok: true, tasks_total: 1 },
    ]);
    expect((await queue.call('history')).json).toMatchObject({ count: 2 });
  }, 60_000);

  test('one task by flags, with the folders that the environment names', async () => {
    const env = {
      OPENCLAW_IMAGE_QUEUE_DIR: './queue-of-env',
      OPENCLAW_IMAGE_QUEUE_OUTPUT_DIR: join(cli.folder, 'images-of-env'),
    };
    const args = ['queue', 'run', '--prompt', 'by flags', '--task-name', 'cover-1', '--no-send'];
    const { code, stdout } = await cli.run(args, { env });
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { ok: true, state_dir: join(cli.folder, 'queue-of-env'), tasks_total: 1 },
    ]);
    const got = await cli.run(['queue', 'get', 'cover-1'], { env });
    expect(JSON.parse(got.stdout)).toMatchObject({
      task_key: 'cover-1',
      output: expect.stringContaining(`${cli.folder}/images-of-env/cover-1-`) as unknown,
    });
  }, 60_000);

  test.each([
    ['neither', ['queue', 'run']],
    ['both', ['queue', 'run', '[]', '--prompt', 'x']],
  ])('%s of list and --prompt is exit 2', async (_, args) => {
    const { code, stdout } = await cli.run(args);
    expect([code, JSON.parse(stdout)]).toMatchObject([2, { ok: false, exit_code: 2 }]);
  });

  test('the block `queue` from the Temporal CLI makes a queue run too', async () => {
    const queue = queueIn(cli, 'temporal');
    const input = {
      output_dir: cli.outputDir,
      queue: { state_dir: queue.stateDir, max_queue_size: 0 },
      max_workers: 1,
      tasks: tasks('temporal', 2),
    };
    const id = ['--type', 'imageBatch', '--task-queue', 'imgproof', '--workflow-id', 'q/by temporal'];
    const args = ['temporal', 'workflow', 'execute', ...id, '--input', JSON.stringify(input), '-o', 'json'];
    const { code } = await cli.run(args);
    expect([code, queue.state()]).toMatchObject([
      0,
      { queue_id: 'q/by temporal', status: 'done', counters: { completed: 1, rejected: 1 } },
    ]);
  }, 60_000);
});

describe('mock tasks (M)', () => {
  test('take a slot and leave the usual files by flags too, without a call; a shell command is rejected by name', async () => {
    const queue = queueIn(cli, 'mocks');
    const list = [...tasks('mocked', 2), { prompt: 'mocked shell', mock_command: 'true' }];
    const file = await cli.batchFile('mocks.json', list);
    const { code, json } = await queue.call('run', file, '--mock-sleep', '0.2', '--max-workers', '1');
    expect([code, json.counters]).toMatchObject([1, { completed: 2, rejected: 1 }]);
    const [first, , shell] = queue.rows();
    expect(first).toMatchObject({
      status: 'completed',
      worker_id: expect.stringMatching(/slot-1$/u) as unknown,
    });
    expect(shell?.error).toContain('mock_command is refused');
    expect(calls('mocked')).toEqual([]);
  }, 60_000);
});
