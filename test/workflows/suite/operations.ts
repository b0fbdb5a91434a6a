/** What people do to a running batch (SPEC B7, T3), by updates as any client sends them. */
import type { WorkflowHandle } from '@temporalio/client';
import { expect, test } from 'vitest';
import type {
  BatchProgress,
  CancelAnswer,
  MaxWorkersAnswer,
  PauseAnswer,
  RetryAnswer,
  TaskState,
} from '../../../src/domain/messages.ts';
import type { BatchSummary } from '../../../src/domain/batch-records.ts';
import type { TaskRow } from '../../../src/domain/records.ts';
import type { imageBatch } from '../../../src/workflows/index.ts';
import { until } from '../../support/cli.ts';
import { pendingAttempt } from '../../support/system.ts';
import type { World } from './world.ts';

type Batch = WorkflowHandle<typeof imageBatch>;

export function operations(world: World): void {
  const prompts = (name: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ prompt: `${name} ${i + 1}`, task_name: `t${i + 1}` }));

  test('pause starts no further task and lets running ones end; resume goes on (B7)', async () => {
    const { system, callsFor } = world;
    const release = system.provider.hold();
    const batch = await system.startBatch(system.batch(prompts('paused', 4), { max_workers: 2 }));
    await system.provider.waitForInFlight(2);
    const reason = 'the art director looks at it';
    expect(await pause(batch, { reason })).toEqual({ paused: true, changed: true, running: 2, queued: 2 });
    expect(await pause(batch, {})).toMatchObject({ paused: true, changed: false });
    release();
    await until('both to end', async () => (await progress(batch)).counters.completed === 2);
    expect(await progress(batch)).toMatchObject({ phase: 'running', paused: { reason } });
    expect((await batch.describe()).memo).toMatchObject({ paused: reason });
    expect(callsFor('paused')).toHaveLength(2);
    expect(await resume(batch)).toEqual({ paused: false, changed: true, running: 0, queued: 2 });
    expect(await resume(batch)).toMatchObject({ paused: false, changed: false });
    expect(await batch.result()).toMatchObject({ ok: true, success: 4 });
    expect((await batch.describe()).memo).not.toHaveProperty('paused');
  });

  test('a queued task that is cancelled is never started; the others go on (B7)', async () => {
    const { system, callsFor, resultOf } = world;
    const release = system.provider.hold();
    const batch = await system.startBatch(system.batch(prompts('dropped', 3), { max_workers: 1 }));
    await system.provider.waitForInFlight(1);
    const dropped = { cancelled: [`${batch.workflowId}/t2`], finishing: [], aborting: [] };
    expect(await cancelTask(batch, { task: 't2' })).toEqual(dropped);
    await until('its end', async () => (await states(batch))[1]?.status === 'cancelled');
    await expect(cancelTask(batch, { task: 't2' })).rejects.toMatchObject({
      cause: { type: 'AlreadyEnded', message: expect.stringContaining('cancelled') as unknown },
    });
    release();
    const summary = await batch.result();
    expect(summary).toMatchObject({ ok: false, success: 2, cancelled: 1, cost: { yes: 2, possible: 0 } });
    expect(callsFor('dropped 2')).toEqual([]);
    expect(await resultOf((await rows(summary))[1]?.result_json)).toMatchObject({ status: 'cancelled' });
  });

  test('a running task that is cancelled may finish what was sent: it ends completed (B7)', async () => {
    const { system } = world;
    const release = system.provider.hold();
    const batch = await system.startBatch(system.batch(prompts('finishing', 2)));
    await system.provider.waitForInFlight(2);
    const key = `${batch.workflowId}/t1`;
    expect(await cancelTask(batch, { task: key })).toEqual({
      cancelled: [],
      finishing: [key],
      aborting: [],
    });
    expect((await states(batch))[0]).toMatchObject({ status: 'running', cancelling: 'finish' });
    // Longer than a cancel takes to reach its activity.
    await system.env.sleep(7_000);
    release();
    expect(await batch.result()).toMatchObject({ ok: true, success: 2, cost: { yes: 2, possible: 0 } });
  });

  test('"now" aborts what was sent, also after a cancel that let it finish; it may be billed (B7)', async () => {
    const { system } = world;
    const release = system.provider.hold();
    const batch = await system.startBatch(system.batch(prompts('aborted', 2)));
    await system.provider.waitForInFlight(2);
    await cancelTask(batch, { task: 't1' });
    expect(await cancelTask(batch, { task: 't1', now: true })).toMatchObject({
      aborting: [`${batch.workflowId}/t1`],
    });
    await until('its end', async () => (await states(batch))[0]?.status === 'cancelled');
    // At once, not only when the batch has ended.
    expect((await states(batch))[0]).toMatchObject({
      billing: { no: 0, possible: 1, yes: 0 },
      error: expect.stringContaining('cancelled') as unknown,
    });
    release();
    expect(await batch.result()).toMatchObject({ success: 1, cancelled: 1, cost: { yes: 1, possible: 1 } });
  });

  test('a task that waits for its next attempt ends with the cancel; nothing more is sent (B7)', async () => {
    const { system, callsFor } = world;
    const prompt = 'enough [fault:500 retry-after=600]';
    const batch = await system.startBatch(system.batch([{ prompt, task_name: 't1' }]));
    const task = system.client.getHandle(`${batch.workflowId}/t1`);
    await until('the wait', async () => (await pendingAttempt(task).catch(() => 0)) === 2);
    await cancelTask(batch, { task: 't1' });
    expect(await batch.result()).toMatchObject({ cancelled: 1, cost: { no: 0, possible: 1, yes: 0 } });
    expect(callsFor('enough')).toHaveLength(1);
  });

  test("Temporal's own cancel ends a paused batch, what it has not begun is cancelled (B7)", async () => {
    const { system, callsFor } = world;
    const release = system.provider.hold();
    const batch = await system.startBatch(system.batch(prompts('called off', 3), { max_workers: 1 }));
    await system.provider.waitForInFlight(1);
    await pause(batch, {});
    await batch.cancel();
    await expect(batch.result()).rejects.toThrow('Workflow execution cancelled');
    const { counters } = await progress(batch);
    expect(counters).toMatchObject({ cancelled: 3, queued: 0, running: 0 });
    expect(callsFor('called off')).toHaveLength(1);
    release();
  });

  test('cancelQueued drops all that is queued, cancelAll also what runs (B7)', async () => {
    const { system, callsFor } = world;
    const release = system.provider.hold();
    const batch = await system.startBatch(system.batch(prompts('emptied', 5), { max_workers: 2 }));
    await system.provider.waitForInFlight(2);
    const answer = await batch.executeUpdate<CancelAnswer, []>('cancelQueued');
    expect(answer).toMatchObject({ cancelled: { length: 3 }, finishing: [], aborting: [] });
    const all = await batch.executeUpdate<CancelAnswer, [object]>('cancelAll', { args: [{ now: true }] });
    expect(all).toMatchObject({ finishing: [], aborting: { length: 2 } });
    expect(await batch.result()).toMatchObject({ ok: false, cancelled: 5, cost: { possible: 2 } });
    expect(callsFor('emptied')).toHaveLength(2);
    release();
  });

  test('max_workers changes while a batch runs; what is out of range is clamped and said (B1, B7)', async () => {
    const { system } = world;
    const release = system.provider.hold();
    const batch = await system.startBatch(system.batch(prompts('wider', 6), { max_workers: 1 }));
    await system.provider.waitForInFlight(1);
    expect(await setMaxWorkers(batch, 3)).toEqual({ max_workers: 3, before: 1, warning: null });
    await system.provider.waitForInFlight(3);
    expect(await setMaxWorkers(batch, 9)).toMatchObject({
      max_workers: 4,
      warning: expect.stringContaining('9') as unknown,
    });
    await system.provider.waitForInFlight(4);
    expect(await setMaxWorkers(batch, 0)).toMatchObject({ max_workers: 1, before: 4 });
    release();
    expect(await batch.result()).toMatchObject({ ok: true, success: 6 });
  });

  test('failed tasks run again while the batch does, each with a call of its own (B7)', async () => {
    const { system, callsFor, resultOf } = world;
    const tasks = [
      { prompt: 'refused once [fault:400 times=1]', task_name: 't1' },
      { prompt: 'slow [fault:ok latency-ms=1500]', task_name: 't2' },
    ];
    const batch = await system.startBatch(system.batch(tasks));
    await until('the failure', async () => (await states(batch))[0]?.status === 'failed');
    const key = `${batch.workflowId}/t1`;
    expect(await retry(batch, {})).toEqual({ retried: [key] });
    const summary = await batch.result();
    expect(summary).toMatchObject({ ok: true, success: 2 });
    expect(callsFor('refused once')).toHaveLength(2);
    expect(await resultOf((await rows(summary))[0]?.result_json)).toMatchObject({
      status: 'completed',
      attempts_count: 2,
      attempts: [
        { attempt: 1, ok: false },
        { attempt: 2, ok: true },
      ],
    });
  });

  test('a batch that has ended is taken up again in its folder; what was completed stays (B7)', async () => {
    const { system, callsFor } = world;
    const tasks = [
      { prompt: 'taken up, fine', task_name: 't1' },
      { prompt: 'taken up, bad once [fault:400 times=1]', task_name: 't2' },
    ];
    const id = `again-${Date.now()}`;
    const first = await (await system.startBatch(system.batch(tasks), id)).result();
    expect(first).toMatchObject({ success: 1, failed: 1 });
    const before = await rows(first);
    const { batch_dir } = first;
    const second = await (await system.startBatch({ retry: { batch_dir, failed: true } }, id)).result();
    expect(second).toMatchObject({ ok: true, success: 2, batch_dir });
    expect((await rows(second))[0]).toEqual(before[0]);
    expect([callsFor('taken up, fine').length, callsFor('taken up, bad').length]).toEqual([1, 2]);
  });

  test.each([
    [
      'cancelTask',
      { task: 'nobody' },
      'UnknownTask',
      /no task of this batch has the key or the name "nobody"/u,
    ],
    ['cancelTask', {}, 'BadMessage', /"task" is missing/u],
    ['cancelTask', { task: 't1', nw: true }, 'BadMessage', /"nw" is unknown here/u],
    ['cancelAll', { now: 'yes' }, 'BadMessage', /"now" is true or false/u],
    ['pause', { reason: 7 }, 'BadMessage', /"reason" is a text/u],
    ['pause', 'please', 'BadMessage', /one JSON object is expected/u],
    ['setMaxWorkers', { max_workers: 'all' }, 'BadMessage', /whole number from 1 to 4/u],
    ['retryFailed', { tasks: ['t1'] }, 'BadMessage', /has not ended: it is running/u],
    ['retryFailed', { tasks: 't1' }, 'BadMessage', /is a list/u],
  ])('%s with %j is refused with the reason and changes nothing', async (name, input, type, message) => {
    const { system } = world;
    const release = system.provider.hold();
    const batch = await system.startBatch(system.batch(prompts('untouched', 1)));
    await system.provider.waitForInFlight(1);
    await expect(batch.executeUpdate(name, { args: [input] })).rejects.toMatchObject({
      cause: { type, message: expect.stringMatching(message) as unknown },
    });
    release();
    expect(await batch.result()).toMatchObject({ ok: true });
    const { events } = await batch.fetchHistory();
    expect(events?.filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes)).toEqual([]);
  });

  test('a name that several tasks have is refused with their keys', async () => {
    const { system } = world;
    const release = system.provider.hold();
    const twins = [
      { prompt: 'twin a', task_name: 'twin' },
      { prompt: 'twin b', task_name: 'twin' },
    ];
    const batch = await system.startBatch(system.batch(twins));
    await system.provider.waitForInFlight(2);
    await expect(cancelTask(batch, { task: 'twin' })).rejects.toMatchObject({
      cause: { message: expect.stringContaining(`${batch.workflowId}/twin-2`) as unknown },
    });
    release();
    await batch.result();
  });

  async function rows(summary: BatchSummary): Promise<TaskRow[]> {
    return (await world.system.recordOf(summary)).results;
  }
}

const progress = (batch: Batch) => batch.query<BatchProgress>('progress');
const states = (batch: Batch) => batch.query<TaskState[]>('tasks');
const pause = (batch: Batch, input: object) =>
  batch.executeUpdate<PauseAnswer, [object]>('pause', { args: [input] });
const resume = (batch: Batch) => batch.executeUpdate<PauseAnswer, []>('resume');
const cancelTask = (batch: Batch, input: object) =>
  batch.executeUpdate<CancelAnswer, [object]>('cancelTask', { args: [input] });
const setMaxWorkers = (batch: Batch, max_workers: number) =>
  batch.executeUpdate<MaxWorkersAnswer, [object]>('setMaxWorkers', { args: [{ max_workers }] });
const retry = (batch: Batch, input: object) =>
  batch.executeUpdate<RetryAnswer, [object]>('retryFailed', { args: [input] });
