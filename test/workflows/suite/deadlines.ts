import { expect, test } from 'vitest';
import { FAILURE_TYPES } from '../../../src/domain/failure.ts';
import { failureOf } from '../../support/system.ts';
import type { World } from './world.ts';

export function deadlines(world: World): void {
  test('the deadline aborts the call and frees the slot for the next task (S)', async () => {
    const { system, callsFor, resultOf } = world;
    const tasks = [
      { prompt: 'never answered [fault:hang]', task_timeout_seconds: 1 },
      { prompt: 'its turn' },
    ];
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 1 }));
    const summary = await batch.result();
    expect(summary).toMatchObject({
      ok: false,
      success: 1,
      timeout: 1,
      cost: { no: 0, possible: 1, yes: 1 },
    });
    const [first] = (await system.recordOf(summary)).results;
    expect(await resultOf(first?.result_json)).toMatchObject({
      status: 'timed_out',
      diagnosis: { category: 'task_deadline' },
      attempts: [{ category: 'task_deadline', billing: 'possible' }],
    });
    expect(callsFor('never answered')).toMatchObject([{ event: 'aborted' }]);
  });

  test('one limit for the whole batch is that of each task, counted from its own first request (S)', async () => {
    const { system } = world;
    const tasks = [
      { prompt: 'slow [fault:ok latency-ms=1500]' },
      { prompt: 'slower [fault:ok latency-ms=1600]' },
    ];
    const fields = { max_workers: 1, task_timeout_seconds: 2.9 };
    const batch = await system.startBatch(system.batch(tasks, fields));
    expect(await batch.result()).toMatchObject({ ok: true, success: 2 });
  });

  test('a wait that would outlast the deadline ends the task now, with its last category (S)', async () => {
    const { system, alone, callsFor, resultOf } = world;
    const prompt = 'come back later [fault:500 retry-after=600]';
    const { type, row } = await failureOf(
      await system.startTask(alone({ prompt, task_timeout_seconds: 300 })),
    );
    expect(type).toBe(FAILURE_TYPES.taskFailed);
    expect(row).toMatchObject({
      status: 'failed',
      category: 'server_error',
      billing: { no: 0, possible: 1 },
    });
    expect((await resultOf(row.result_json)).attempts).toMatchObject([{ next_attempt_at: null }]);
    expect(callsFor('come back later')).toHaveLength(1);
  });

  test('waits count; with under 5 s left the task ends timed_out without a call (S)', async () => {
    const { system, alone, waits, callsFor } = world;
    const prompt = `hardly any time [fault:429 retry-after=${waits.announcedSeconds} times=1]`;
    const task_timeout_seconds = waits.announcedSeconds + 4;
    const handle = await system.startTask(alone({ prompt, task_timeout_seconds }));
    expect(await failureOf(handle)).toMatchObject({
      type: FAILURE_TYPES.taskTimedOut,
      row: { status: 'timed_out', category: 'task_deadline', billing: { no: 1, possible: 0, yes: 0 } },
    });
    expect(callsFor('hardly any time')).toHaveLength(1);
  });
}
