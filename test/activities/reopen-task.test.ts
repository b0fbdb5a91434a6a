import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRecordingActivities } from '../../src/activities/index.ts';
import { readOrderFile } from '../../src/artifacts/order-file.ts';
import { readJson } from '../../src/artifacts/task-folder.ts';
import { MockActivityEnvironment } from '@temporalio/testing';
import { activityWorld, failureOf, RUN_ID } from '../support/activity-world.ts';

test('a task that is taken back has no last word, keeps its attempts, and its requests count on (R7, R1)', async () => {
  const world = await activityWorld({ script: ['500', '401', '500'] });
  const { recordTask, reopenTask } = createRecordingActivities(world.deps);
  const run = <Order, Answer>(activity: (order: Order) => Promise<Answer>, order: Order) =>
    new MockActivityEnvironment().run(activity, order);
  const cover = world.task({ max_attempts: 2, retry_base_delay_ms: 1 });
  const order = world.order(cover);
  await failureOf(world.attempt(cover));
  await failureOf(world.attempt(cover, 2));
  const failure = { category: 'auth', message: 'HTTP 401', http_status: 401 } as const;
  const origin = { workflow_id: cover.task_key, run_id: RUN_ID, started_at_ms: Date.now() };
  await run(recordTask, { ...origin, order, outcome: { status: 'failed', failure } });
  expect(existsSync(join(cover.run_dir, 'result.json'))).toBe(true);

  const reopen = { order: { ...order, retry: 1 }, namespace: 'default', order_run_id: RUN_ID };
  const because = 'the key was refused';
  // An activity may be repeated.
  for (let time = 1; time <= 2; time += 1)
    expect(await run(reopenTask, { ...reopen, because })).toEqual({ no: 1, possible: 1, yes: 0 });
  const again = await readOrderFile(order);
  expect(again.continues).toEqual([cover.generation_id]);
  expect(again.generation_id).not.toBe(cover.generation_id);
  expect(['result.json', 'stdout.txt'].map((name) => existsSync(join(cover.run_dir, name)))).toEqual([
    false,
    false,
  ]);
  expect(await readJson(join(cover.run_dir, 'state.json'))).toMatchObject({
    status: 'queued',
    last_error: because,
  });
  expect(await world.recordOf(cover, 2)).toMatchObject({ category: 'auth', billing: 'no' });

  // One request of two is left: the 500 counts, the refusal does not.
  const last = await failureOf(world.attempt(again, 1, { runId: 'the-next-run' }));
  expect([last.type, world.provider.calls.length]).toEqual(['AttemptsUsedUp', 3]);

  // Whoever orders it anew has all of them again.
  await run(reopenTask, { ...reopen, order: { ...order, retry: 2 } });
  expect(await readOrderFile(order)).not.toHaveProperty('continues');
});

test('a task that is taken back with a paid answer keeps its generation, which adopts it (R5, R7)', async () => {
  const world = await activityWorld({ script: ['url'] });
  world.provider.setDownloadStatus(503);
  const { recordTask, reopenTask } = createRecordingActivities(world.deps);
  const cover = world.task();
  const order = world.order(cover);
  await failureOf(world.attempt(cover));
  const origin = { workflow_id: cover.task_key, run_id: RUN_ID, started_at_ms: Date.now() };
  const failure = { category: 'cancelled' as const, message: 'cancelled' };
  const outcome = { status: 'cancelled' as const, failure };
  await new MockActivityEnvironment().run(recordTask, { ...origin, order, outcome });
  expect(await world.recordOf(cover)).toMatchObject({ billing: 'yes', phase: 'done', category: 'cancelled' });
  const reopen = { order: { ...order, retry: 1 }, namespace: 'default', order_run_id: RUN_ID };
  const billed = await new MockActivityEnvironment().run(reopenTask, { ...reopen, because: 'down' });
  expect(billed).toEqual({ no: 0, possible: 0, yes: 1 });
  const again = await readOrderFile(order);
  expect(again.generation_id).toBe(cover.generation_id);
  expect(existsSync(join(cover.run_dir, 'result.json'))).toBe(false);
  world.provider.setDownloadStatus(200);
  await world.attempt(again, 1, { runId: 'the-next-run' }).result;
  expect(world.provider.calls).toHaveLength(1);
  expect(await world.recordOf(cover)).toMatchObject({ ok: true, billing: 'yes' });
});

test('a request that was aborted before its task was taken back counts: on_unknown hold sends no other (R4, R7)', async () => {
  const world = await activityWorld({ latencyMs: 3_000 });
  const { recordTask, reopenTask } = createRecordingActivities(world.deps);
  const cover = world.task({ on_unknown: 'hold' });
  const order = world.order(cover);
  const first = world.attempt(cover);
  await world.provider.waitForInFlight(1);
  first.cancel('cancelRequested');
  await expect(first.result).rejects.toThrow('cancelled');
  const origin = { workflow_id: cover.task_key, run_id: RUN_ID, started_at_ms: Date.now() };
  const failure = { category: 'cancelled', message: 'cancelled' } as const;
  const outcome = { status: 'cancelled' as const, failure };
  await new MockActivityEnvironment().run(recordTask, { ...origin, order, outcome });
  const reopen = { order: { ...order, retry: 1 }, namespace: 'default', order_run_id: RUN_ID };
  await new MockActivityEnvironment().run(reopenTask, { ...reopen, because: 'the key was refused' });
  const again = await readOrderFile(order);
  const last = await failureOf(world.attempt(again, 1, { runId: 'the-next-run' }));
  expect([last.details?.[0], world.provider.calls.length]).toMatchObject([{ category: 'needs_review' }, 1]);
});

test('a task that is cancelled while a lost attempt still has its request in the air gets that image (B7, R5)', async () => {
  const world = await activityWorld();
  const { collectImage } = createRecordingActivities(world.deps);
  const cover = world.task();
  const release = world.provider.hold();
  const lost = world.attempt(cover);
  await world.provider.waitForInFlight(1);
  // The server has missed its signs of life; the request runs on.
  lost.cancel('notFound');
  const collected = new MockActivityEnvironment().run(collectImage, world.order(cover));
  release();
  expect(await collected).toMatchObject({ generation_id: cover.generation_id, attempt: 1 });
  expect(world.provider.calls).toHaveLength(1);
  expect(await world.recordOf(cover)).toMatchObject({ ok: true, billing: 'yes' });
});

test('a look for an answer sends nothing, whatever it finds (B7)', async () => {
  const world = await activityWorld({ script: ['500'] });
  const { collectImage } = createRecordingActivities(world.deps);
  const cover = world.task();
  const look = () => new MockActivityEnvironment().run(collectImage, world.order(cover));
  expect(await look()).toBeNull();
  await failureOf(world.attempt(cover));
  expect(await look()).toBeNull();
  expect(world.provider.calls).toHaveLength(1);
});
