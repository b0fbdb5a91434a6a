/** `queue cancel` on a run that goes on (SPEC B7, F11). */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';
import { queueIn } from '../support/queue.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { isUp: true });
beforeEach(() => provider.setLatencyMs(0));

const tasks = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ task_name: `${name}-${i + 1}`, prompt: `${name} ${i + 1}` }));

/** A run of `count` tasks, one at a time, whose first call is held. */
async function heldRun(name: string, count: number) {
  const queue = queueIn(cli, name);
  const release = provider.hold();
  const file = await cli.batchFile(`${name}.json`, tasks(name, count));
  const run = queue.call('run', file, '--max-workers', '1');
  await until('its call', () => provider.calls.some(({ prompt }) => prompt?.startsWith(`${name} 1`)));
  await until('to be told', () => queue.exists() && queue.state().counters.running === 1);
  return { queue, release, run };
}

test('a queued task is cancelled, by id or key; a running one may bring its image, --now aborts it', async () => {
  const { queue, release, run } = await heldRun('some', 4);
  const [running, second] = queue.rows();
  const byId = await queue.call('cancel', String(second?.task_id));
  expect([byId.code, byId.json]).toMatchObject([
    0,
    { ok: true, cancelled: second?.task_id, status: 'cancelled' },
  ]);
  const byKey = await queue.call('cancel', 'some-3');
  expect([byKey.code, byKey.json['status']]).toEqual([0, 'cancelled']);
  await until('their last words', () => queue.state().counters.cancelled === 2);
  const again = await queue.call('cancel', 'some-3');
  expect([again.code, again.json]).toMatchObject([2, { ok: false, status: 'cancelled' }]);
  const live = await queue.call('cancel', 'some-1');
  expect([live.code, live.json]).toMatchObject([
    0,
    { ok: true, cancelled: running?.task_id, status: 'running' },
  ]);
  release();
  const { code, json } = await run;
  expect([code, json.counters]).toMatchObject([1, { completed: 2, cancelled: 2, running: 0, queued: 0 }]);
  expect(queue.rows().map(({ status }) => status)).toEqual([
    'completed',
    'cancelled',
    'cancelled',
    'completed',
  ]);
}, 120_000);

test('--all --now ends the run within seconds; two who cancel at once both get a clear answer', async () => {
  const { queue, release, run } = await heldRun('all', 3);
  const answers = await Promise.all([
    queue.call('cancel', '--all', '--now'),
    queue.call('cancel', '--all', '--now'),
  ]);
  expect(answers.map(({ code }) => code).filter((code) => code !== 0 && code !== 2)).toEqual([]);
  expect(answers.some(({ json }) => json['ok'] === true)).toBe(true);
  const { code, json } = await run;
  release();
  expect([code, json.counters]).toMatchObject([1, { cancelled: 3, running: 0, queued: 0 }]);
  expect(queue.state()).toMatchObject({ status: 'done', running: {}, queued: [], workers: {} });
}, 120_000);

test('a run that was let go of by Ctrl-C goes on, and says how to see and stop it', async () => {
  const queue = queueIn(cli, 'let-go');
  const release = provider.hold();
  const file = await cli.batchFile('let-go.json', tasks('let-go', 1));
  const { child, ended } = cli.start(['queue', 'run', file, '--state-dir', queue.stateDir]);
  await until('its row', () => queue.exists() && queue.state().counters.running === 1);
  child.kill('SIGINT');
  const { code, stdout, stderr } = await ended;
  expect([code, JSON.parse(stdout)]).toMatchObject([
    130,
    { ok: false, exit_code: 130, state_dir: queue.stateDir },
  ]);
  expect(stderr).toContain(`imgproof queue list --state-dir ${queue.stateDir}`);
  expect((await queue.call('status')).json).toMatchObject({ status: 'running', running_count: 1 });
  release();
  await until('its end', () => queue.state().status === 'done');
  expect(queue.state().counters).toMatchObject({ completed: 1 });
}, 120_000);

test('--no-wait prints the id and where its files are', async () => {
  const queue = queueIn(cli, 'no-wait');
  const { code, json } = await queue.call(
    'run',
    await cli.batchFile('no-wait.json', tasks('no-wait', 1)),
    '--no-wait',
  );
  expect([code, json]).toMatchObject([0, { ok: true, state_dir: queue.stateDir, reason: 'ordered' }]);
  await until('its end', () => queue.exists() && queue.state().status === 'done');
  expect(queue.state().queue_id).toBe(json.queue_id);
}, 60_000);

test('files of the queue that can’t be written stop no paid call: the image is proven and the run says so', async () => {
  const { queue, release, run } = await heldRun('unwritable', 1);
  // No lock can be taken any more.
  await mkdir(join(queue.stateDir, 'queue.lock'));
  release();
  const { code, json } = await run;
  expect([code, json]).toMatchObject([0, { ok: true, counters: { completed: 1 }, tasks_total: 1 }]);
  expect(queue.state()).toMatchObject({ status: 'running', counters: { running: 1 } });
  const log = await readFile(join(cli.home, 'logs', 'worker.log'), 'utf8');
  expect(log).toContain(`files in ${queue.stateDir} could not be written`);
}, 120_000);
