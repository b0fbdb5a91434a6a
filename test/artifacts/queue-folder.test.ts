/** The one writer of a queue's files: whole, consistent, and the same when an activity is repeated (SPEC F4). */
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { linesIn } from '../../src/artifacts/json-lines.ts';
import { type QueueEnd, QueueFolder, readQueueState } from '../../src/artifacts/queue-folder.ts';
import { promptSummary, type QueueHead, type QueueRow } from '../../src/domain/queue.ts';
import { contradictions } from '../support/queue.ts';
import { tempFolder } from '../support/temp-folder.ts';

let path: string;
let folder: QueueFolder;
beforeEach(() => {
  path = join(tempFolder(), 'queue');
  folder = new QueueFolder(path, (text) => text.replaceAll('s3cret', '***'));
});

const NOT_OPEN = () => Promise.resolve(false);
const OPEN = () => Promise.resolve(true);
const SLOT = { worker_id: 'host/slot-1', thread_id: 0, pid: 7 };
const DONE = { status: 'completed', output: '/out/a.png', error: null, result_json: '/r.json' } as const;

const head = (queue_id = 'q-1', order_run_id = 'run-1'): QueueHead => ({
  queue_id,
  order_run_id,
  namespace: 'default',
  batch_dir: join(path, 'runs', queue_id),
  started_at: '2026-11-26T01:02:03.000Z',
  max_workers: 2,
  task_timeout_seconds: 600,
  max_queue_size: 100,
  overflow_policy: 'reject',
});

const row = (task_id: string, changes: Partial<QueueRow> = {}): QueueRow => ({
  task_id,
  task_key: task_id,
  task_name: task_id,
  index: Number(task_id.slice(1)),
  status: 'queued',
  accepted: true,
  prompt_summary: 'a prompt',
  worker_id: null,
  thread_id: null,
  pid: null,
  created_at: '2026-11-26T01:02:03.000Z',
  queued_at: '2026-11-26T01:02:03.000Z',
  started_at: null,
  ended_at: null,
  elapsed_seconds: null,
  output_dir: '/out',
  task_dir: '/tasks',
  output: null,
  error: null,
  stdout: null,
  stderr: null,
  result_json: null,
  run_dir: '/tasks',
  queue_id: 'q-1',
  generation_id: `g-${task_id}`,
  ...changes,
});

const place = (task_id: string, queue_id = 'q-1') => ({ state_dir: path, queue_id, task_id });
const state = async () =>
  (await readQueueState(path)) as NonNullable<Awaited<ReturnType<typeof readQueueState>>>;
const lines = async (name: string) =>
  linesIn<Record<string, unknown>>(await readFile(join(path, name), 'utf8').catch(() => ''));

async function admitted(...ids: string[]): Promise<void> {
  await folder.claim(head(), NOT_OPEN);
  await folder.admit(
    head(),
    ids.map((id) => row(id)),
  );
}

describe('an activity that is repeated', () => {
  test('says nothing twice: no second line in tasks.jsonl or events.jsonl for the same end', async () => {
    await admitted('t1');
    for (let time = 1; time <= 2; time += 1) {
      await admitted('t1');
      await folder.started(place('t1'), SLOT);
      await folder.finished(place('t1'), DONE);
      await folder.done('q-1', new Map([['t1', DONE]]));
    }
    expect((await lines('tasks.jsonl')).map(({ status }) => status)).toEqual(['completed']);
    expect((await lines('events.jsonl')).map(({ event }) => event)).toEqual([
      'task_accepted',
      'task_started',
      'task_finished',
    ]);
  });

  test('changes no row of a task that has ended', async () => {
    await admitted('t1');
    await folder.started(place('t1'), SLOT);
    await folder.finished(place('t1'), DONE);
    const before = (await state()).tasks;
    await folder.started(place('t1'), { ...SLOT, worker_id: 'host/slot-4' });
    await folder.released(place('t1'));
    await admitted('t1');
    expect((await state()).tasks).toEqual(before);
  });

  test('a task that was ordered again ends once more, on a line of its own', async () => {
    await admitted('t1');
    await folder.finished(place('t1'), { ...DONE, status: 'failed', output: null, error: 'no' });
    await folder.reopened(place('t1'), 'g-again');
    expect(await state()).toMatchObject({ queued: ['t1'], counters: { queued: 1, failed: 0 } });
    await folder.finished(place('t1'), DONE);
    expect((await lines('tasks.jsonl')).map(({ status }) => status)).toEqual(['failed', 'completed']);
  });
});

describe('queue_state.json', () => {
  test('is consistent after every step, also when many tell at once', async () => {
    const ids = Array.from({ length: 12 }, (_, i) => `t${i + 1}`);
    await admitted(...ids);
    await Promise.all(
      ids.map(async (id, i) => {
        await folder.started(place(id), { ...SLOT, worker_id: `host/slot-${i + 1}` });
        expect(contradictions(await state())).toEqual([]);
        if (i % 2 === 0) await folder.finished(place(id), DONE);
        expect(contradictions(await state())).toEqual([]);
      }),
    );
    expect(await state()).toMatchObject({ counters: { completed: 6, running: 6, orphaned: 0, stuck: 0 } });
    expect(Object.keys((await state()).workers)).toHaveLength(6);
  });

  test('a task between two attempts runs on no worker; its next attempt may have another one', async () => {
    await admitted('t1');
    await folder.started(place('t1'), SLOT);
    await folder.released(place('t1'));
    expect(await state()).toMatchObject({ counters: { running: 1 }, workers: {} });
    await folder.started(place('t1'), { ...SLOT, worker_id: 'host/slot-2' });
    expect(Object.keys((await state()).workers)).toEqual(['host/slot-2']);
  });

  test('at the end nothing runs or waits, also of tasks that nobody spoke for', async () => {
    await admitted('t1', 't2');
    await folder.started(place('t1'), SLOT);
    const lost = {
      ...DONE,
      status: 'failed',
      output: null,
      error: 'its workflow ended without a word',
    } as const;
    await folder.done(
      'q-1',
      new Map<string, QueueEnd>([
        ['t1', DONE],
        ['t2', lost],
      ]),
    );
    expect(await state()).toMatchObject({ status: 'done', running: {}, queued: [], workers: {} });
    expect(await lines('tasks.jsonl')).toHaveLength(2);
    expect(await readQueueState(join(path, 'runs', 'q-1'))).toEqual(await state());
  });

  test('holds no secret (F9), and paths as they are', async () => {
    await folder.claim(head(), NOT_OPEN);
    await folder.admit(head(), [row('t1', { prompt_summary: 'with s3cret', task_dir: '/s3cret/tasks' })]);
    expect((await state()).tasks['t1']).toMatchObject({
      prompt_summary: 'with ***',
      task_dir: '/s3cret/tasks',
    });
  });
});

describe('the directory', () => {
  test('is one run’s as long as that is open; another one is told whose', async () => {
    await admitted('t1');
    const claim = await folder.claim(head('q-2', 'run-2'), OPEN);
    expect(claim).toMatchObject({ kind: 'busy', by: { queue_id: 'q-1' } });
    expect((await state()).queue_id).toBe('q-1');
  });

  test('of two at the same instant one has it', async () => {
    const claims = await Promise.all([
      folder.claim(head('a', '1'), OPEN),
      folder.claim(head('b', '2'), OPEN),
    ]);
    expect(claims.map(({ kind }) => kind).sort()).toEqual(['busy', 'claimed']);
  });

  test('of a run that ended without a word is handed over, its state kept in runs/', async () => {
    await admitted('t1');
    const claim = await folder.claim(head('q-2', 'run-2'), NOT_OPEN);
    expect(claim).toMatchObject({ kind: 'claimed', found: { queue_id: 'q-1', queued: ['t1'] } });
    expect(await readQueueState(join(path, 'runs', 'q-1'))).toMatchObject({
      queue_id: 'q-1',
      queued: ['t1'],
    });
    // What the first one still tells changes nothing of the second.
    await folder.started(place('t1'), SLOT);
    expect(await state()).toMatchObject({ queue_id: 'q-2', tasks: {} });
  });
});

describe('lines', () => {
  test('of a writer that was killed in the middle are skipped, and the next one begins anew', async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'tasks.jsonl'), '{"task_id":"t0","status":"completed"}\n');
    await appendFile(join(path, 'tasks.jsonl'), '{"task_id":"t');
    await admitted('t1');
    await folder.finished(place('t1'), DONE);
    expect((await lines('tasks.jsonl')).map(({ task_id }) => task_id)).toEqual(['t0', 't1']);
  });
});

test.each([
  ['short', 'short'],
  ['on\n two   lines ', 'on two lines'],
  ['x'.repeat(181), `${'x'.repeat(179)}…`],
  ['🖼'.repeat(180), '🖼'.repeat(180)],
])('the summary of a prompt is one line of at most 180 characters', (prompt, summary) => {
  expect(promptSummary(prompt)).toBe(summary);
});
