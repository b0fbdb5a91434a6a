/**
 * Random sequences of what people do to a running batch, and what must hold whatever they did (SPEC B4, B5, B7, S): the
 * provider's own log, the files and the histories have to tell the same story.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import * as fc from 'fast-check';
import { BATCH_LIMITS } from '../../src/domain/batch.ts';
import { FAILURE_TYPES } from '../../src/domain/failure.ts';
import type { RetryAnswer } from '../../src/domain/messages.ts';
import type { BatchResultRecord, BatchSummary } from '../../src/domain/batch-records.ts';
import type { ResultRecord, TaskRow } from '../../src/domain/records.ts';
import type { imageBatch } from '../../src/workflows/index.ts';
import { readJson } from '../support/finished-orders.ts';
import { peakInFlight } from '../support/provider-calls.ts';
import type { System } from '../support/system.ts';

/** How the provider treats a task; a task that is ordered again finds what is left of it. */
const FATES = {
  good: '',
  slow: ' [fault:ok latency-ms=400]',
  'refused once': ' [fault:400 times=1]',
  'refused always': ' [fault:400 times=99]',
  'busy once': ' [fault:500 times=1]',
  'limited once': ' [fault:429 retry-after=1 times=1]',
  'key refused once': ' [fault:401 times=1]',
} as const;
type Fate = keyof typeof FATES;

type Step =
  | { do: 'wait'; ms: number }
  | { do: 'pause' | 'resume' | 'cancelQueued' | 'retryFailed' }
  | { do: 'cancelTask'; task: number; now: boolean }
  | { do: 'retryTask'; task: number }
  | { do: 'cancelAll'; now: boolean }
  | { do: 'setMaxWorkers'; to: number };

export interface Story {
  fates: Fate[];
  maxWorkers: number;
  steps: Step[];
}

export const stories: fc.Arbitrary<Story> = fc.record({
  fates: fc.array(fc.constantFrom(...(Object.keys(FATES) as Fate[])), { minLength: 1, maxLength: 6 }),
  maxWorkers: fc.integer({ min: 1, max: 4 }),
  steps: fc.array(stepOf(), { minLength: 1, maxLength: 10 }),
});

function stepOf(): fc.Arbitrary<Step> {
  const task = fc.integer({ min: 1, max: 6 });
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 300 }) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constantFrom(
          'pause' as const,
          'resume' as const,
          'cancelQueued' as const,
          'retryFailed' as const,
        ),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('cancelTask' as const), task, now: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('retryTask' as const), task }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cancelAll' as const), now: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('setMaxWorkers' as const), to: fc.integer({ min: 0, max: 9 }) }),
    },
  );
}

let played = 0;

/** The whole story on a batch of its own. What does not hold, in words; empty when everything does. */
export async function play(system: System, { fates, maxWorkers, steps }: Story): Promise<string[]> {
  played += 1;
  const id = `model-${played}`;
  const tasks = fates.map((fate, i) => ({
    prompt: `${id}-${i + 1} ${fate}${FATES[fate]}`,
    task_name: `t${i + 1}`,
  }));
  const fields = { max_workers: maxWorkers, batch_name: id, size: '816x816' };
  const batch = await system.startBatch(system.batch(tasks, fields), id);
  const retried: string[] = [];
  for (const step of steps) retried.push(...(await take(batch, step)));
  const summary = await resumedToEnd(batch);
  const record = await system.recordOf(summary);
  return [
    ...countProblems(record, fates.length),
    ...(await Promise.all(record.results.map((row) => taskProblems(system, id, row, retried)))).flat(),
    ...(peakInFlight(system.provider.calls) > BATCH_LIMITS.maxWorkers
      ? ['more than 4 requests in flight']
      : []),
  ];
}

/** Whatever pauses goes on, so that the story has an end: after a person, and each time the provider is down (SPEC R7). */
async function resumedToEnd(batch: WorkflowHandle<typeof imageBatch>): Promise<BatchSummary> {
  const ended = batch.result();
  for (;;) {
    await batch.executeUpdate('resume').catch(refusal);
    const summary = await Promise.race([ended, sleep(300, null)]);
    if (summary !== null) return summary;
  }
}

/** Keys that run again because of it. */
async function take(batch: WorkflowHandle<typeof imageBatch>, step: Step): Promise<string[]> {
  const key = (task: number) => `${batch.workflowId}/t${task}`;
  const send = <Answer>(name: string, input: object = {}) =>
    batch.executeUpdate<Answer, [object]>(name, { args: [input] });
  try {
    switch (step.do) {
      case 'wait':
        await sleep(step.ms);
        return [];
      case 'pause':
      case 'resume':
      case 'cancelQueued':
        await send(step.do);
        return [];
      case 'cancelTask':
        await send('cancelTask', { task: key(step.task), now: step.now });
        return [];
      case 'cancelAll':
        await send('cancelAll', { now: step.now });
        return [];
      case 'setMaxWorkers':
        await send('setMaxWorkers', { max_workers: step.to });
        return [];
      case 'retryFailed':
        return (await send<RetryAnswer>('retryFailed')).retried;
      case 'retryTask':
        return (await send<RetryAnswer>('retryFailed', { tasks: [key(step.task)] })).retried;
    }
  } catch (error) {
    refusal(error);
    return [];
  }
}

const { badMessage, unknownTask, alreadyEnded, notAdmitted } = FAILURE_TYPES;
const REFUSALS: ReadonlySet<string> = new Set([badMessage, unknownTask, alreadyEnded, notAdmitted]);

/** Expected ends of an update: the batch has ended, is not admitted yet, or the task can't do it now. */
function refusal(error: unknown): void {
  const { name, message, cause } = error as { name?: string; message?: string; cause?: { type?: string } };
  const isRefused = REFUSALS.has(cause?.type ?? '');
  const hasEnded = /already completed|not found|aborted by closing workflow/iu.test(
    `${message} ${(cause as Error | undefined)?.message ?? ''}`,
  );
  if (!isRefused && !hasEnded)
    throw new Error(`an update ended unexpectedly: ${name}: ${message}: ${cause?.type}`, { cause: error });
}

function countProblems(record: BatchResultRecord, total: number): string[] {
  const { success, failed, timeout, cancelled, rejected, skipped, results } = record;
  const problems: string[] = [];
  const sum = success + failed + timeout + cancelled + rejected + skipped;
  if (results.length !== total || sum !== total)
    problems.push(`${total} tasks, ${results.length} rows, ${sum} counted`);
  if (record.ok !== (success === total))
    problems.push(`ok is ${record.ok} with ${success} of ${total} completed`);
  return problems;
}

const CLOSED_AS: Partial<Record<TaskRow['status'], string>> = {
  completed: 'COMPLETED',
  failed: 'FAILED',
  timed_out: 'FAILED',
  cancelled: 'CANCELLED',
};

/** One task: its row, its files, its workflow and the provider's log agree. */
async function taskProblems(
  system: System,
  id: string,
  row: TaskRow,
  retried: readonly string[],
): Promise<string[]> {
  const problems: string[] = [];
  const complain = (text: string) => problems.push(`${row.task_key} (${row.status}): ${text}`);
  const closedAs = CLOSED_AS[row.status];
  if (closedAs === undefined) complain('is no end a task of this batch can have');
  const calls = system.provider.calls.filter(({ prompt }) => prompt?.startsWith(`${id}-${row.index} `));
  const result = await readJson<ResultRecord>(row.result_json).catch(() => null);
  if (result === null) complain('has no result.json');
  else if (result.status !== row.status) complain(`its result.json says ${result.status}`);
  // A request that a cancel aborts may be on its way and never be read by the provider.
  const certain = result?.attempts.filter(({ category }) => category !== 'cancelled').length ?? 0;
  if (result !== null && (certain > calls.length || calls.length > result.attempts_count))
    complain(`${calls.length} calls, ${result.attempts_count} attempts on record`);
  const delivered = calls.filter(({ status, event }) => status === 200 && event === 'answered').length;
  if (row.status === 'completed' && delivered !== 1) complain(`completed with ${delivered} images delivered`);
  if (delivered > 1) complain(`${delivered} images were delivered: it ran twice`);
  const orders = 1 + retried.filter((key) => key === row.task_key).length;
  // Each refusal of the key may have sent every task that had begun back into the queue (SPEC R7).
  const refusals = system.provider.calls.filter(
    ({ prompt, status }) => prompt?.startsWith(`${id}-`) && status === 401,
  ).length;
  const runs = await closedRuns(system, row.task_key);
  if (runs.length > orders + refusals)
    complain(`ordered ${orders} times, ${refusals} refusals, its workflow ran ${runs.length} times`);
  if (runs.length > 0 && row.status !== 'cancelled' && runs.at(-1) !== closedAs)
    complain(`its workflow closed as ${runs.at(-1)}`);
  return problems;
}

/** Close status of each run of this workflow id, oldest first: by the run itself, the list is behind for a moment. */
async function closedRuns({ env }: System, workflowId: string): Promise<string[]> {
  const runs: { at: number; status: string }[] = [];
  const query = `WorkflowId = '${workflowId}'`;
  for await (const { startTime, runId } of env.client.workflow.list({ query })) {
    const { status } = await env.client.workflow.getHandle(workflowId, runId).describe();
    runs.push({ at: startTime.getTime(), status: status.name });
  }
  return runs.sort((a, b) => a.at - b.at).map(({ status }) => status);
}
