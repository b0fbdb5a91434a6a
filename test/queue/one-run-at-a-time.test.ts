/** One queue run at a time per state directory, and what the next one finds there (SPEC F4; issue 5, races). */
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';
import { contradictions, jsonOf, queueIn } from '../support/queue.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { isUp: true });

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part));
const tasks = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ task_name: `${name}-${i + 1}`, prompt: `${name} ${i + 1}` }));

/** No answer ever comes to its second task. */
const secondHangs = (name: string, count: number) =>
  tasks(name, count).map((task, i) => (i === 1 ? { ...task, prompt: `${task.prompt} [fault:hang]` } : task));

describe('a second run on one state directory', () => {
  test('is exit 3 and names the first, which goes on; after its end the directory is free', async () => {
    const queue = queueIn(cli, 'busy');
    const release = provider.hold();
    const first = queue.call('run', await cli.batchFile('first.json', tasks('busy', 1)));
    await until('its call', () => calls('busy').length === 1);
    const running = queue.state();
    const second = await queue.call('run', await cli.batchFile('second.json', tasks('second', 1)));
    expect([second.code, second.json]).toMatchObject([3, { ok: false, exit_code: 3 }]);
    expect(second.stderr).toMatch(
      new RegExp(`^imgproof: .* in use by the queue run "${running.queue_id}"`, 'u'),
    );
    expect(queue.state().queue_id).toBe(running.queue_id);
    release();
    expect((await first).json).toMatchObject({ ok: true, queue_id: running.queue_id });
    const third = await queue.call('run', await cli.batchFile('third.json', tasks('third', 1)));
    expect(third.json).toMatchObject({ ok: true, tasks_total: 1 });
    expect(calls('second')).toEqual([]);
  }, 120_000);

  test('at the same instant: one runs, the others are exit 3', async () => {
    const queue = queueIn(cli, 'instant');
    const release = provider.hold();
    const files = await Promise.all(
      ['x', 'y', 'z'].map((name) => cli.batchFile(`${name}.json`, tasks(`instant-${name}`, 1))),
    );
    const runs = files.map((file) => queue.call('run', file));
    let refused = 0;
    for (const run of runs) void run.then(({ code }) => (refused += code === 3 ? 1 : 0));
    await until('two refusals', () => refused === 2);
    release();
    const codes = (await Promise.all(runs)).map(({ code }) => code);
    expect(codes.map(String).sort()).toEqual(['0', '3', '3']);
    expect(calls('instant')).toHaveLength(1);
    expect((await queue.call('history')).json).toMatchObject({ count: 1 });
  }, 120_000);
});

describe('a run that was ended from outside', () => {
  test('leaves files that can be read; the next run says what it found and leaves its folders alone', async () => {
    const queue = queueIn(cli, 'terminated');
    const file = await cli.batchFile('terminated.json', secondHangs('terminated', 3));
    const run = queue.call('run', file, '--max-workers', '1');
    await until('one task that is done and one that runs', () => {
      const { completed = 0, running = 0 } = queue.exists() ? queue.state().counters : {};
      return completed === 1 && running === 1;
    });
    const { queue_id } = queue.state();
    await cli.run(['temporal', 'workflow', 'terminate', '-w', queue_id]);
    expect((await run).code).toBe(1);
    await until(
      'its last task, which is cancelled by the server',
      () => queue.state().counters.cancelled === 1,
    );
    const left = queue.state();
    expect([left.status, contradictions(left)]).toEqual(['running', []]);
    const next = await queue.call('run', await cli.batchFile('next.json', tasks('next', 1)));
    expect([next.code, next.json['ok']]).toEqual([0, true]);
    expect(next.stderr).toContain(`holds the queue run "${queue_id}", which did not come to its end`);
    expect(next.stderr).toContain('1 were completed, 0 running, 1 waiting');
    for (const { task_dir } of Object.values(left.tasks))
      expect(existsSync(join(task_dir, 'task.json'))).toBe(true);
    const kept = readFileSync(join(queue.stateDir, 'runs', queue_id, 'queue_state.json'), 'utf8');
    expect(JSON.parse(kept)).toMatchObject({ queue_id, counters: { completed: 1 } });
    const earlier = await queue.call('get', 'terminated-1');
    expect(earlier.json).toMatchObject({ ok: true, status: 'completed', queue_id });
  }, 120_000);

  test('with everything killed and the database gone: files are read offline, and the directory is free', async () => {
    const queue = queueIn(cli, 'killed');
    const file = await cli.batchFile('killed.json', secondHangs('killed', 2));
    const run = cli.start(['queue', 'run', file, '--state-dir', queue.stateDir, '--max-workers', '1']);
    await until('the second call', () => calls('killed').length === 2);
    await until('both to be told', () => queue.state().counters.running === 1);
    run.child.kill('SIGKILL');
    const { supervisor, worker, server } = await cli.pids();
    for (const pid of [supervisor, worker, server]) process.kill(pid, 'SIGKILL');
    for (const command of [['status'], ['list'], ['history'], ['get', 'killed-1']]) {
      const { code, json } = await queue.call(...command);
      expect([command, code, json]).toMatchObject([command, 0, {}]);
    }
    expect((await queue.call('status')).json).toMatchObject({
      status: 'running',
      running_count: 1,
      completed: 1,
    });
    for (const name of ['temporal.db', 'temporal.db-wal', 'temporal.db-shm'])
      await rm(join(cli.home, name), { force: true });
    const next = await queue.call('run', await cli.batchFile('after.json', tasks('after', 1)));
    expect([next.code, next.json['ok']]).toEqual([0, true]);
    expect(next.stderr).toContain('which did not come to its end');
  }, 120_000);
});

describe('`queue run --resume`', () => {
  test('makes only what the last run of the directory has no proven result of', async () => {
    const queue = queueIn(cli, 'resumed');
    const list = [
      ...tasks('resumed', 1),
      { task_name: 'resumed-2', prompt: 'resumed 2 [fault:500 times=1]' },
    ];
    const file = await cli.batchFile('resumed.json', list);
    const first = await queue.call('run', file, '--max-attempts', '1');
    expect(first.json).toMatchObject({ ok: false, counters: { completed: 1, failed: 1 } });
    const again = await queue.call('run', file, '--max-attempts', '1', '--resume');
    expect([again.code, again.json]).toMatchObject([0, { ok: true, queue_id: first.json.queue_id }]);
    expect([calls('resumed 1').length, calls('resumed 2').length]).toEqual([1, 2]);
    const anew = await queue.call('run', file, '--max-attempts', '1');
    expect([anew.json['ok'], anew.json.queue_id === first.json.queue_id]).toEqual([true, false]);
    expect(calls('resumed 1')).toHaveLength(2);
    const other = await queue.call('run', await cli.batchFile('other.json', tasks('other', 1)), '--resume');
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('was of other tasks')]);
    expect(calls('other')).toEqual([]);
    expect((await queueIn(cli, 'no-run').call('run', file, '--resume')).code).toBe(2);
  }, 120_000);
});

describe('an order of a queue that is retried after its end', () => {
  test('has the directory once more, with the rows that it ended with', async () => {
    const queue = queueIn(cli, 'retried');
    const list = [
      ...tasks('retried', 1),
      { task_name: 'retried-2', prompt: 'retried 2 [fault:500 times=1]' },
    ];
    const file = await cli.batchFile('retried.json', list);
    const { json } = await queue.call('run', file, '--max-attempts', '1');
    const { batch_dir, queue_id } = queue.state();
    expect(json.counters).toMatchObject({ completed: 1, failed: 1 });
    const id = ['--type', 'imageBatch', '--task-queue', 'imgproof', '--workflow-id', queue_id];
    const input = JSON.stringify({ retry: { batch_dir, failed: true } });
    const { code } = jsonOf(
      await cli.run(['temporal', 'workflow', 'execute', ...id, '--input', input, '-o', 'json']),
    );
    expect([code, queue.state()]).toMatchObject([
      0,
      { queue_id, status: 'done', counters: { completed: 2 } },
    ]);
    const lines = await queue.lines('tasks.jsonl');
    const ends = lines.map(({ task_key, status }) => `${String(task_key)} ${String(status)}`);
    expect(ends.sort()).toEqual(['retried-1 completed', 'retried-2 completed', 'retried-2 failed']);
    expect([calls('retried 1').length, calls('retried 2').length]).toEqual([1, 2]);
  }, 120_000);
});
