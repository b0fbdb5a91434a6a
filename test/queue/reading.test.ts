/** `queue status | list | get | history` on files alone: the JSON of SPEC F11 and its exit codes, without any server. */
import { existsSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { QueueRow } from '../../src/domain/queue.ts';
import { type Cli, startCliAndProvider } from '../support/cli.ts';
import { type Queue, queueIn } from '../support/queue.ts';

let cli: Cli;
let queue: Queue;
let rows: QueueRow[];
beforeAll(async () => {
  const started = await startCliAndProvider();
  ({ cli } = started);
  queue = queueIn(cli, 'read');
  const file = await cli.batchFile('read.json', [
    { prompt: 'read 一张图', task_name: 'first' },
    { prompt: 'read 2 [fault:moderation_blocked]', task_name: 'second' },
    { prompt: 'read 3', task_key: 'first' },
    {},
  ]);
  await queue.call('run', file);
  rows = queue.rows();
  // Whatever reads from here on has no server to ask and no home to find one in.
  expect((await cli.run(['down', '--now'])).code).toBe(0);
  await rm(cli.home, { recursive: true });
  return async () => {
    await mkdir(cli.home, { recursive: true });
    await started.stop();
  };
}, 120_000);

test('status', async () => {
  const { code, json } = await queue.call('status');
  expect([code, json]).toMatchObject([
    0,
    {
      state_dir: queue.stateDir,
      queue_id: rows[0]?.queue_id,
      status: 'done',
      max_workers: 4,
      running_count: 0,
      queued_count: 0,
      completed: 1,
      failed: 1,
      timed_out: 0,
      rejected: 1,
      discarded: 0,
      skipped: 1,
      running: {},
      workers: {},
    },
  ]);
});

test('list, all of it and one status', async () => {
  const all = await queue.call('list');
  expect([all.code, all.json]).toEqual([0, { state_dir: queue.stateDir, count: 4, tasks: rows }]);
  const rejected = await queue.call('list', '--status', 'rejected');
  expect(rejected.json).toMatchObject({ count: 1, tasks: [{ task_name: 'task-04', status: 'rejected' }] });
  expect((await queue.call('list', '--status', 'stuck')).json).toMatchObject({ count: 0, tasks: [] });
  const unknown = await queue.call('list', '--status', 'done');
  expect([unknown.code, unknown.json]).toMatchObject([2, { ok: false, exit_code: 2 }]);
});

test('get by task id and by task key: the row, the ends of its output, its files', async () => {
  const [first] = rows as [QueueRow];
  const byId = await queue.call('get', first.task_id);
  const stdout = await readFile(String(first.stdout), 'utf8');
  expect([byId.code, byId.json]).toMatchObject([
    0,
    {
      ok: true,
      ...first,
      stdout_tail: stdout.slice(-4000),
      stderr_tail: expect.stringContaining('completed') as unknown,
      result_path: first.result_json,
      artifacts: {
        task_dir: first.task_dir,
        stdout: first.stdout,
        stderr: first.stderr,
        result_json: first.result_json,
        output: first.output,
        run_dir: first.run_dir,
      },
    },
  ]);
  const byKey = await queue.call('get', 'first', '--tail-bytes', '10');
  expect(byKey.json).toMatchObject({ task_id: first.task_id, stdout_tail: stdout.slice(-10) });
  const rejected = await queue.call('get', 'task-04');
  expect(rejected.json).toMatchObject({ ok: true, status: 'rejected', stdout_tail: '', result_path: null });
});

test('get cuts no character of more than one byte', async () => {
  const [first] = rows as [QueueRow];
  const stderr = await readFile(String(first.stderr), 'utf8');
  await writeFile(String(first.stderr), '一张图');
  const { json } = await queue.call('get', 'first', '--tail-bytes', '4');
  await writeFile(String(first.stderr), stderr);
  expect(json['stderr_tail']).toBe('图');
});

test.each([
  ['get', 1],
  ['cancel', 1],
])('%s of an unknown task is {ok: false, error: "task not found"} and exit 1', async (command, exitCode) => {
  const { code, json } = await queue.call(command, 'nobody');
  expect([code, json]).toMatchObject([exitCode, { ok: false, error: 'task not found', task: 'nobody' }]);
});

test('cancel of what has ended is {ok: false, status, error} and exit 2, also of the whole run', async () => {
  const task = await queue.call('cancel', 'second');
  expect([task.code, task.json]).toMatchObject([
    2,
    { ok: false, status: 'failed', error: expect.stringContaining('ended') as unknown },
  ]);
  const run = await queue.call('cancel', '--all');
  expect([run.code, run.json]).toMatchObject([
    2,
    { ok: false, status: 'done', error: expect.stringContaining('ended') as unknown },
  ]);
  for (const args of [[], ['second', '--all']]) expect((await queue.call('cancel', ...args)).code).toBe(2);
});

test('history and its alias runs, the last -n of all runs; what a killed writer left of a line is skipped', async () => {
  const { code, json } = await queue.call('history');
  expect([code, json]).toMatchObject([0, { state_dir: queue.stateDir, count: 4 }]);
  const history = json['history'] as QueueRow[];
  expect(history.map(({ status }) => status).sort()).toEqual(['completed', 'failed', 'rejected', 'skipped']);
  await appendFile(join(queue.stateDir, 'tasks.jsonl'), '{"task_id": "t-2026');
  const last = await queue.call('runs', '-n', '2');
  expect(last.json).toMatchObject({ count: 2, history: history.slice(-2) });
  expect((await queue.call('history', '--limit', '0')).json).toMatchObject({ count: 0, history: [] });
  expect((await queue.call('history', '-n', '-1')).code).toBe(2);
});

test('a directory where nothing ran reads as empty, and nothing is made', async () => {
  const empty = queueIn(cli, 'empty');
  expect((await empty.call('status')).json).toMatchObject({ queue_id: null, status: null, completed: 0 });
  expect((await empty.call('list')).json).toMatchObject({ count: 0, tasks: [] });
  expect((await empty.call('history')).json).toMatchObject({ count: 0, history: [] });
  expect((await empty.call('cancel', '--all')).code).toBe(1);
  expect(existsSync(empty.stateDir)).toBe(false);
});

test('a queue_state.json that is no JSON is exit 3 and named', async () => {
  const damaged = queueIn(cli, 'damaged');
  await mkdir(damaged.stateDir);
  await writeFile(join(damaged.stateDir, 'queue_state.json'), '{"queue_id": ');
  const { code, json, stderr } = await damaged.call('status');
  expect([code, json]).toMatchObject([3, { ok: false, exit_code: 3 }]);
  expect(stderr).toContain(join(damaged.stateDir, 'queue_state.json'));
});

test('none of it started a server or made a home', async () => {
  expect(await readdir(cli.folder)).not.toContain('home');
});
