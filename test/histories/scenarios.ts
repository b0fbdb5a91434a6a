/**
 * What is worth remembering of how the workflows run: each scenario is played through the whole system on the real dev
 * server and leaves the history of a workflow and, where it has children, of one of them.
 */
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import type { TaskState } from '../../src/domain/messages.ts';
import { until } from '../support/cli.ts';
import { writeReference } from '../support/reference-image.ts';
import { pendingAttempt, type System } from '../support/system.ts';
import type { WorkflowRun } from '../support/workflow-task-failures.ts';

export interface Recorded {
  workflow: WorkflowRun;
  child?: WorkflowRun;
}

type Scenario = (system: System) => Promise<Recorded>;

/** Name of the history's file → how it comes about. */
export const SCENARIOS: Record<string, Scenario> = {
  success: (system) => batchOf(system, 'success', [{ prompt: 'a lighthouse' }, { prompt: 'a harbour' }]),

  /** The others of 0.1.0 were recorded before batches had a manifest: their replay shows that such batches go on. */
  signed: (system) => batchOf(system, 'signed', [{ prompt: 'a lighthouse' }]),

  'twenty-tasks': (system) =>
    batchOf(
      system,
      'twenty-tasks',
      Array.from({ length: 20 }, (_, i) => ({ prompt: `number ${i + 1}` })),
    ),

  failure: (system) =>
    batchOf(system, 'failure', [{ prompt: 'refused [fault:400]' }, { prompt: 'a lighthouse' }]),

  retry: (system) =>
    batchOf(system, 'retry', [{ prompt: 'patience [fault:429 retry-after=1 times=1] [fault:500 times=1]' }]),

  'attempts-used-up': (system) =>
    batchOf(system, 'attempts-used-up', [{ prompt: 'broken [fault:500]', max_attempts: 2 }]),

  timeout: (system) =>
    batchOf(system, 'timeout', [{ prompt: 'silent [fault:hang]', max_attempts: 2, timeout_ms: 1_000 }]),

  'over-the-queue-limit': (system) =>
    batchOf(system, 'over-the-queue-limit', [{ prompt: 'let in' }, { prompt: 'left out' }], {
      queue_limit: 1,
    }),

  'duplicate-in-file': (system) =>
    batchOf(system, 'duplicate-in-file', [
      { prompt: 'twin 1', task_key: 'twin' },
      { prompt: 'twin 2', task_key: 'twin' },
    ]),

  'duplicate-active-elsewhere': async (system) => {
    const task = { prompt: 'shared [fault:ok latency-ms=1500]', task_key: 'shared' };
    const first = await system.startBatch(system.batch([task]), 'holds-the-key');
    await system.provider.waitForInFlight(1);
    const second = await system.startBatch(system.batch([task]), 'duplicate-active-elsewhere');
    await second.result();
    await first.result();
    return { workflow: await latestRun(system, second.workflowId), child: await latestRun(system, 'shared') };
  },

  adopted: async (system) => {
    const order = system.batch([{ prompt: 'once' }, { prompt: 'and for all' }]);
    await (await system.startBatch(order, 'adopted')).result();
    return endOf(system, await system.startBatch(order, 'adopted'));
  },

  'cancel-batch': async (system) => {
    const tasks = Array.from({ length: 6 }, (_, i) => ({ prompt: `unwanted ${i} ${SLOW}` }));
    const batch = await system.startBatch(system.batch(tasks), 'cancel-batch');
    await system.provider.waitForInFlight(4);
    await batch.cancel();
    return withChild(system, await endOf(system, batch), 'cancel-batch/task-01');
  },

  'cancel-task': async (system) => {
    const tasks = [{ prompt: `not wanted ${SLOW}`, task_key: 'cancelled-task' }, { prompt: 'wanted' }];
    const batch = await system.startBatch(system.batch(tasks), 'cancel-task');
    await untilCalled(system, 'not wanted');
    await system.client.getHandle('cancelled-task').cancel();
    return withChild(system, await endOf(system, batch), 'cancelled-task');
  },

  'cancel-between-attempts': async (system) => {
    const prompt = 'given up [fault:500 retry-after=600]';
    const task = await system.startTask(system.alone({ prompt }), 'cancel-between-attempts');
    await until('the wait', async () => (await pendingAttempt(task)) === 2);
    await task.cancel();
    return endOf(system, task);
  },

  'cancel-while-an-attempt-fails': async (system) => {
    const prompt = 'too late [fault:500 latency-ms=1000 retry-after=600]';
    const task = await system.startTask(system.alone({ prompt }), 'cancel-while-an-attempt-fails');
    await system.provider.waitForInFlight(1);
    await task.cancel();
    return endOf(system, task);
  },

  'terminated-task': async (system) => {
    const prompt = 'ended from outside [fault:ok latency-ms=1500]';
    const tasks = [{ prompt, task_key: 'terminated' }, { prompt: 'goes on' }];
    const batch = await system.startBatch(system.batch(tasks), 'terminated-task');
    await untilCalled(system, 'ended from outside');
    await system.client.getHandle('terminated').terminate('test');
    const recorded = await endOf(system, batch);
    await system.provider.waitForInFlight(0);
    return withChild(system, recorded, 'terminated');
  },

  'paused-and-resumed': async (system) => {
    const tasks = [{ prompt: `first ${SHORT}` }, { prompt: 'second' }];
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 1 }), 'paused-and-resumed');
    await untilCalled(system, 'first');
    await batch.executeUpdate('pause', { args: [{ reason: 'a look at it' }] });
    await batch.executeUpdate('setMaxWorkers', { args: [{ max_workers: 3 }] });
    await batch.executeUpdate('resume');
    return endOf(system, batch);
  },

  'cancelled-by-update': async (system) => {
    const tasks = [
      { prompt: `let it finish ${SHORT}`, task_name: 'a' },
      { prompt: `stop it ${SLOW}` },
      { prompt: 'drop it' },
    ];
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 2 }), 'cancelled-by-update');
    await system.provider.waitForInFlight(2);
    await batch.executeUpdate('cancelTask', { args: [{ task: 'a' }] });
    await batch.executeUpdate('cancelTask', { args: [{ task: 'task-02', now: true }] });
    await batch.executeUpdate('cancelQueued');
    return withChild(system, await endOf(system, batch), 'cancelled-by-update/a');
  },

  'aborted-by-update': async (system) => {
    const tasks = [{ prompt: `abort it ${SLOW}`, task_name: 'a' }, { prompt: `meanwhile ${SHORT}` }];
    const batch = await system.startBatch(system.batch(tasks), 'aborted-by-update');
    await system.provider.waitForInFlight(2);
    await batch.executeUpdate('cancelTask', { args: [{ task: 'a', now: true }] });
    return withChild(system, await endOf(system, batch), 'aborted-by-update/a');
  },

  /** Its paid answer only links to an image, whose host is busy until the cancel. */
  'answer-before-cancel': async (system) => {
    system.provider.setDownloadStatus(503);
    const tasks = [{ prompt: 'linked [fault:url]', task_name: 'a' }];
    const batch = await system.startBatch(system.batch(tasks), 'answer-before-cancel');
    const task = system.client.getHandle('answer-before-cancel/a');
    await until('the wait', async () => ((await pendingAttempt(task).catch(() => 0)) ?? 0) >= 2);
    system.provider.setDownloadStatus(200);
    await batch.executeUpdate('cancelTask', { args: [{ task: 'a' }] });
    return withChild(system, await endOf(system, batch), 'answer-before-cancel/a');
  },

  'retried-while-it-runs': async (system) => {
    const tasks = [{ prompt: 'at the second order [fault:400 times=1]' }, { prompt: `meanwhile ${SHORT}` }];
    const batch = await system.startBatch(system.batch(tasks), 'retried-while-it-runs');
    await until('the failure', async () => (await batch.query<TaskState[]>('tasks'))[0]?.status === 'failed');
    await batch.executeUpdate('retryFailed');
    return endOf(system, batch);
  },

  'retried-after-its-end': async (system) => {
    const tasks = [{ prompt: 'good' }, { prompt: 'at the second batch [fault:400 times=1]' }];
    const first = await system.startBatch(system.batch(tasks), 'retried-after-its-end');
    const { batch_dir } = await first.result();
    return endOf(system, await system.startBatch({ retry: { batch_dir } }, 'retried-after-its-end'));
  },

  'reset-batch': async (system) => {
    const batch = await system.startBatch(system.batch([{ prompt: 'once more' }]), 'reset-batch');
    await batch.result();
    return endOf(system, await system.reset(batch));
  },

  'reset-batch-midway': async (system) => {
    const tasks = [1, 2].map((n) => ({ prompt: `midway ${n} [fault:ok latency-ms=2000]` }));
    const batch = await system.startBatch(system.batch(tasks), 'reset-batch-midway');
    await system.provider.waitForInFlight(2);
    return withChild(system, await endOf(system, await system.reset(batch)), 'reset-batch-midway/task-01');
  },

  'reset-task': async (system) => {
    const task = await system.startTask(system.alone({ prompt: 'once more, alone' }), 'reset-task');
    await task.result();
    return endOf(system, await system.reset(task));
  },

  'lone-task': async (system) => {
    const path = join(system.outputDir, 'reference.png');
    await writeReference(path);
    const request = system.alone({ prompt: 'as a poster', input_image: path });
    return endOf(system, await system.startTask(request, 'lone-task'));
  },

  'bad-input': async (system) =>
    endOf(system, await system.startBatch({ tasks: [{ prompt: '' }, { promt: 'x' }] }, 'bad-input')),

  'bad-input-of-a-task': async (system) =>
    endOf(system, await system.startTask({ size: '7x7' }, 'bad-input-of-a-task')),

  'not-an-object': async (system) => endOf(system, await system.startBatch('a cat', 'not-an-object')),

  'unknown-type': async (system) => {
    const start = { taskQueue: 'imgproof', workflowId: 'unknown-type', args: [{}] };
    return endOf(system, await system.client.start('imageBtach', start));
  },
};

const SHORT = '[fault:ok latency-ms=1500]';
const SLOW = '[fault:ok latency-ms=30000]';

/** A batch to its end, with the history of its first task. */
async function batchOf(
  system: System,
  id: string,
  tasks: Parameters<System['batch']>[0],
  fields: Parameters<System['batch']>[1] = {},
): Promise<Recorded> {
  const recorded = await endOf(system, await system.startBatch(system.batch(tasks, fields), id));
  return withChild(system, recorded, tasks[0]?.task_key ?? `${id}/task-01`);
}

/** However it ends. */
async function endOf(system: System, handle: WorkflowHandle): Promise<Recorded> {
  await handle.result().catch(() => undefined);
  return { workflow: await latestRun(system, handle.workflowId) };
}

async function withChild(system: System, recorded: Recorded, taskKey: string): Promise<Recorded> {
  return { ...recorded, child: await latestRun(system, taskKey) };
}

async function latestRun(system: System, workflowId: string): Promise<WorkflowRun> {
  const { runId, status } = await system.client.getHandle(workflowId).describe();
  if (status.name === 'RUNNING') throw new Error(`"${workflowId}" has not ended`);
  return { workflowId, runId };
}

/** The request with this part in its prompt is under way. */
function untilCalled({ provider }: System, part: string): Promise<void> {
  return until(`the call of "${part}"`, () => provider.calls.some(({ prompt }) => prompt?.includes(part)));
}
