/** A task of a queue run: the run has its state directory, and the task waits there. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { queueRowOf } from '../../src/activities/queue-rows.ts';
import { linesIn } from '../../src/artifacts/json-lines.ts';
import { QueueFolder, readQueueState } from '../../src/artifacts/queue-folder.ts';
import type { QueueHead, QueuePlace } from '../../src/domain/queue.ts';
import type { TaskRow } from '../../src/domain/records.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';

export function queuePlace(stateDir: string): QueuePlace {
  return { state_dir: stateDir, queue_id: 'q-1', task_id: 't-1' };
}

export async function enqueue(task: AdmittedTask, { state_dir, queue_id }: QueuePlace): Promise<void> {
  const head: QueueHead = {
    queue_id,
    order_run_id: 'run-1',
    namespace: 'default',
    batch_dir: join(state_dir, 'runs', queue_id),
    started_at: new Date().toISOString(),
    max_workers: 1,
    task_timeout_seconds: null,
    max_queue_size: 1,
    overflow_policy: 'reject',
  };
  const folder = new QueueFolder(state_dir, (text) => text);
  await folder.claim(head, () => Promise.resolve(false));
  await folder.admit(head, [queueRowOf({ task, row: null }, head)]);
}

/** Its end is told once, whatever was told before. */
export async function judgeQueue({ state_dir, task_id }: QueuePlace, { status }: TaskRow): Promise<void> {
  const state = await readQueueState(state_dir);
  expect(state?.tasks[task_id]?.status, 'queue_state.json').toBe(status);
  expect([state?.queued, state?.running, state?.workers]).toEqual([[], {}, {}]);
  const linesOf = async (name: string) =>
    linesIn<{ event?: string; status: string }>(await readFile(join(state_dir, name), 'utf8'));
  expect(
    (await linesOf('tasks.jsonl')).map((line) => line.status),
    'tasks.jsonl',
  ).toEqual([status]);
  const events = (await linesOf('events.jsonl')).map(({ event }) => event);
  expect(
    events.filter((event) => event === 'task_finished'),
    'events.jsonl',
  ).toHaveLength(1);
}
