/** The checker that every system carries can fail: seen with workflows that are broken on purpose, on both servers. */
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bundleWorkflowCode, Worker, type WorkflowBundle } from '@temporalio/worker';
import { until } from '../support/cli.ts';
import { QUIET } from '../support/quiet-runtime.ts';
import { type ServerKind, startSystem, type System } from '../support/system.ts';
import { type HistoryEvent, workflowTaskFailures } from '../support/workflow-task-failures.ts';

const TASK_QUEUE = 'broken';

let bundle: WorkflowBundle;
beforeAll(async () => {
  const workflowsPath = fileURLToPath(new URL('../support/broken-workflows.ts', import.meta.url));
  bundle = await bundleWorkflowCode({ workflowsPath, logger: QUIET });
});

describe.each<ServerKind>(['time-skipping', 'dev server'])('on the %s', (kind) => {
  let system: System;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    system = await startSystem(kind);
    const worker = await Worker.create({
      connection: system.env.nativeConnection,
      taskQueue: TASK_QUEUE,
      workflowBundle: bundle,
      // Without a cache every workflow task is a replay.
      maxCachedWorkflows: 0,
    });
    const ended = worker.run();
    let isStopped = false;
    stop = async () => {
      if (isStopped) return;
      isStopped = true;
      worker.shutdown();
      await ended;
      await system.stop();
    };
    return () => stop();
  });

  test('a workflow that throws what is no failure is told, once', async () => {
    await start('throwsTypeError', 'throwing');
    const [news, ...more] = await untilNews();
    expect(news).toMatch(
      /^throwing \(run [-0-9a-f]+\), event \d+: WorkflowTaskFailed, .*a fault of the code/u,
    );
    expect(more).toEqual([]);
  });

  test('a child of a sound workflow is told too', async () => {
    await start('parentOfThrowing', 'parent', 'throwing-child');
    const news = await untilNews();
    expect(news).toEqual([expect.stringMatching(/^throwing-child .*WorkflowTaskFailed/u)]);
    await system.client.getHandle('throwing-child').terminate();
  });

  test('a workflow that is not deterministic is told', async () => {
    await start('changesItsMind', 'changing');
    const news = await untilNews();
    expect(news).toEqual([expect.stringMatching(/^changing .*WorkflowTaskFailed, .*NON_DETERMINISTIC/u)]);
  });

  test('a system whose workflow tasks failed can’t be stopped quietly', async () => {
    const handle = await system.client.start('throwsTypeError', {
      taskQueue: TASK_QUEUE,
      workflowId: 'unseen',
    });
    await until('a failed workflow task', async () => {
      const { events } = await handle.fetchHistory();
      return events?.some((event) => event.workflowTaskFailedEventAttributes) ?? false;
    });
    await expect(stop()).rejects.toThrow(new RegExp(`on the ${kind}:\nunseen .*WorkflowTaskFailed`, 'u'));
  });

  /** Ends with the test: what fails for ever would never let the worker rest. */
  async function start(type: string, workflowId: string, ...args: unknown[]): Promise<void> {
    const handle = await system.client.start(type, { taskQueue: TASK_QUEUE, workflowId, args });
    onTestFinished(async () => {
      await handle.terminate();
    });
  }

  async function untilNews(): Promise<string[]> {
    const news: string[] = [];
    await until('news of failed workflow tasks', async () => {
      news.push(...(await system.workflowTaskFailures()));
      return news.length > 0;
    });
    return news;
  }
});

describe('in a history', () => {
  const event = (eventType: string, attributes: object): HistoryEvent[] => [
    { eventId: '7', eventType, ...attributes },
  ];
  const timedOut = (timeoutType: string) =>
    event('EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT', { workflowTaskTimedOutEventAttributes: { timeoutType } });

  test('a workflow task that started and never ended is told', () => {
    expect(workflowTaskFailures(timedOut('TIMEOUT_TYPE_START_TO_CLOSE'))).toEqual([
      { eventId: '7', problem: 'WorkflowTaskTimedOut, TIMEOUT_TYPE_START_TO_CLOSE' },
    ]);
  });

  test('one that waited in vain for its sticky worker is no fault', () => {
    expect(workflowTaskFailures(timedOut('TIMEOUT_TYPE_SCHEDULE_TO_START'))).toEqual([]);
  });

  test('the failed task that the server writes for a reset, a terminate or a late message is no fault, any other is', () => {
    const failed = (cause: string) =>
      workflowTaskFailures(
        event('EVENT_TYPE_WORKFLOW_TASK_FAILED', {
          workflowTaskFailedEventAttributes: { cause: `WORKFLOW_TASK_FAILED_CAUSE_${cause}` },
        }),
      );
    expect(failed('RESET_WORKFLOW')).toEqual([]);
    expect(failed('FORCE_CLOSE_COMMAND')).toEqual([]);
    // A message that came while it was about to close.
    expect(failed('UNHANDLED_COMMAND')).toEqual([]);
    expect(failed('NON_DETERMINISTIC_ERROR')).toHaveLength(1);
  });
});
