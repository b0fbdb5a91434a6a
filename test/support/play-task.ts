/**
 * A task from its first attempt to its last words, as Temporal and its workflow play it: the activity, the waits it asks
 * for, `recordTask`. Long waits pass in no time: the server's clock is ahead of this machine's by what was skipped.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { createRecordTask } from '../../src/activities/record-task.ts';
import type { GeneratedImage, TaskOutcome } from '../../src/domain/activity-contract.ts';
import { type FailureReport, FAILURES } from '../../src/domain/failure.ts';
import type { AttemptHeartbeat } from '../../src/domain/messages.ts';
import type { AttemptRecord, ResultRecord, TaskRow } from '../../src/domain/records.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { TEMPORAL_ATTEMPTS } from '../../src/domain/temporal-attempts.ts';
import { type ActivityWorld, RUN_ID } from './activity-world.ts';
import { readJson } from './finished-orders.ts';

export interface Played {
  row: TaskRow;
  result: ResultRecord;
  attempts: AttemptRecord[];
  /** What each Temporal attempt but the last was told to wait. */
  waitsMs: number[];
  failures: ApplicationFailure[];
  heartbeats: AttemptHeartbeat[];
}

export interface Clock {
  /** How far the server's clock is ahead. */
  aheadMs: number;
  /** Waits up to this long are really waited. */
  realUpToMs: number;
}

export function newClock(realUpToMs = 150): Clock {
  return { aheadMs: 0, realUpToMs };
}

export interface Play {
  clock?: Clock;
  /** Number of the first Temporal attempt; default 1. */
  from?: number;
  /** Where attempts run, not their waits: a place in the worker's lane. Default: there is always one. */
  inSlot?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Called before Temporal attempt n. */
  before?: (n: number) => Promise<void> | void;
}

export async function playTask(
  world: ActivityWorld,
  task: AdmittedTask,
  { clock = newClock(), from = 1, before, inSlot = (work) => work() }: Play = {},
): Promise<Played> {
  const startedAtMs = Date.now();
  const told: Pick<Played, 'waitsMs' | 'failures' | 'heartbeats'> = {
    waitsMs: [],
    failures: [],
    heartbeats: [],
  };
  const end = async (outcome: TaskOutcome) => ({
    ...(await recordOutcome(world, task, outcome, startedAtMs)),
    ...told,
  });
  for (let n = from; n < from + TEMPORAL_ATTEMPTS; n += 1) {
    await before?.(n);
    const generated = await inSlot(async () => {
      const heartbeatDetails = told.heartbeats.at(-1);
      const attempt = world.attempt(task, n, {
        scheduledAtMs: Date.now() + clock.aheadMs,
        ...(heartbeatDetails === undefined ? {} : { heartbeatDetails }),
      });
      return attempt.result
        .catch((error: unknown) => error)
        .finally(() => told.heartbeats.push(...attempt.heartbeats));
    });
    if (!(generated instanceof Error))
      return end({ status: 'completed', generated: generated as GeneratedImage });
    if (generated instanceof CancelledFailure)
      return end(failed({ category: 'cancelled', message: 'cancelled' }));
    const failure = generated as ApplicationFailure;
    told.failures.push(failure);
    if (failure.nonRetryable !== false) return end(failed(reportOf(failure)));
    const delayMs = Number(failure.nextRetryDelay);
    told.waitsMs.push(delayMs);
    await pass(delayMs, clock);
  }
  throw new Error(`${task.task_key} did not end within ${TEMPORAL_ATTEMPTS} attempts`);
}

async function pass(delayMs: number, clock: Clock): Promise<void> {
  if (delayMs > clock.realUpToMs) clock.aheadMs += delayMs;
  else await sleep(delayMs + 2);
}

export function reportOf({ details, message }: ApplicationFailure): FailureReport {
  const [report] = (details ?? []) as FailureReport[];
  return report ?? { category: 'internal', message };
}

function failed(failure: FailureReport): TaskOutcome {
  return { status: FAILURES[failure.category].status, failure };
}

/** The last words of a task whose workflow knows its end. */
export async function recordOutcome(
  world: ActivityWorld,
  task: AdmittedTask,
  outcome: TaskOutcome,
  startedAtMs: number,
): Promise<Pick<Played, 'row' | 'result' | 'attempts'>> {
  const row = await createRecordTask(world.deps)({
    order: world.order(task),
    workflow_id: task.task_key,
    run_id: RUN_ID,
    started_at_ms: startedAtMs,
    outcome,
  });
  world.told.push(row);
  const result = await readJson<ResultRecord>(row.result_json);
  return { row, result, attempts: result.attempts };
}
