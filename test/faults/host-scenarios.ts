/** Part F: processes, the server, time. What only whole systems can show is in `shown-elsewhere.ts`. */
import { join } from 'node:path';
import { expect, onTestFinished, vi } from 'vitest';
import { createPaidActivities } from '../../src/activities/index.ts';
import { Spool } from '../../src/artifacts/spool.ts';
import { activityWorld } from '../support/activity-world.ts';
import { type Played, playTask } from '../support/play-task.ts';
import { isUsedUp, killed, outOfMemory } from './killed-worker.ts';
import { judgeFiles, type Scenario, type Scenarios } from './scenario.ts';

const ONE_PAID = { status: 'completed', acceptable: true, billing: { possible: 0, yes: 1 } };
/** The wall clock jumps while a request runs; what is measured is not measured by it. */
function clockStep(stepMs: number): Scenario {
  return async () => {
    const world = await activityWorld({ latencyMs: 300, script: ['500', 'ok'] });
    const playing = playTask(world, world.task());
    await world.provider.waitForInFlight(1);
    setClock(stepMs);
    const { row, attempts } = await playing;
    expect(row).toMatchObject({ status: 'completed', acceptable: true, billing: { possible: 1, yes: 1 } });
    for (const { elapsed_ms } of attempts) {
      expect(elapsed_ms).toBeGreaterThanOrEqual(0);
      expect(elapsed_ms).toBeLessThan(60_000);
    }
    expect(world.provider.calls).toHaveLength(2);
  };
}

/** As if somebody had set the clock of this machine: it goes on from there. Until the end of the test. */
function setClock(aheadMs: number): void {
  const RealDate = Date;
  class SetDate extends RealDate {
    constructor(value: number | string | Date = SetDate.now()) {
      super(value);
    }
    static override now(): number {
      return RealDate.now() + aheadMs;
    }
  }
  vi.stubGlobal('Date', SetDate);
  onTestFinished(() => void vi.unstubAllGlobals());
}

/** No sign of life for longer than it takes: the attempt that follows finds the first one's request still out. */
const blocked: Scenario = async () => {
  const world = await activityWorld({ latencyMs: 600 });
  const task = world.task();
  const first = world.attempt(task);
  await world.provider.waitForInFlight(1);
  block(1_000);
  first.cancel('timedOut');
  const { image } = await world.attempt(task, 2).result;
  expect(world.provider.calls).toMatchObject([{ event: 'answered', image_sha256: image.sha256 }]);
  expect(await world.images()).toHaveLength(1);
  expect((await playTask(world, task, { from: 3 })).row).toMatchObject({ ...ONE_PAID, attempts_count: 1 });
};

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Its spool knows nothing of the first attempt, whose request is still out. */
const onAnotherMachine: Scenario = async ({ end }) => {
  const world = await activityWorld({ latencyMs: 400 });
  const task = world.task();
  const elsewhere = world.attempt(task);
  await world.provider.waitForInFlight(1);
  world.deps.spool = new Spool(join(world.folder, 'other-machine'));
  const here = createPaidActivities({ ...world.deps });
  const { attempt } = await world.attempt(task, 2, { worker: here }).result;
  await elsewhere.result;
  const { attempts, row } = await playTask(world, task, { from: 3 });
  expect(world.provider.calls).toHaveLength(2);
  const unknown = attempts.find(({ worker_id }) => worker_id === 'unknown');
  expect(unknown).toMatchObject({ ...(end as object), billing: 'possible', temporal_attempt: 1 });
  expect(attempts.at(-1)).toMatchObject({ ok: true, temporal_attempt: 2, billing: 'yes', attempt });
  expect(row).toMatchObject({ status: 'completed' });
};

/** A cancel that comes when the answer is safe changes nothing: it was paid. */
const cancelledTooLate: Scenario = async () => {
  const world = await activityWorld();
  const task = world.task();
  const attempt = world.attempt(task);
  await expect.poll(world.spooledAnswers, { interval: 1 }).toHaveLength(1);
  attempt.cancel('cancelRequested');
  expect((await attempt.result).image.sha256).toBe(world.provider.calls[0]?.image_sha256);
  const played: Played = await playTask(world, task, { from: 2 });
  expect(played.row).toMatchObject(ONE_PAID);
  await judgeFiles(world, played);
};

/** A person's cancel while the request runs. */
const cancelledInFlight: Scenario = async ({ end }) => {
  const world = await activityWorld({ latencyMs: 20_000 });
  const task = world.task();
  const attempt = world.attempt(task);
  await world.provider.waitForInFlight(1);
  attempt.cancel('cancelRequested');
  await expect(attempt.result).rejects.toMatchObject({ name: 'CancelledFailure' });
  await world.provider.waitForInFlight(0);
  expect(world.provider.calls).toMatchObject([{ event: 'aborted' }]);
  expect(await world.recordOf(task)).toMatchObject({
    ...(end as object),
    billing: 'possible',
    next_attempt_at: null,
  });
  // Final for this run: a late attempt sends nothing.
  const { row } = await playTask(world, task, { from: 2 });
  expect(row).toMatchObject({ status: 'cancelled', billing: { possible: 1, yes: 0 } });
  expect(world.provider.calls).toHaveLength(1);
};

export const HOST_SCENARIOS: Scenarios = {
  '67a': killed('67a', 1),
  '67b': killed('67b', 1),
  '67c': killed('67c', 1),
  '67d': killed('67d', 2),
  '67e': killed('67e', 2),
  '67f': killed('67f', 2),
  '67g': killed('67g', 1),
  '67h': killed('67h', 1),
  '67i': killed('67i', 1),
  '67j': killed('67j', 1),
  '68': killed('68', 1, isUsedUp),
  '71c': onAnotherMachine,
  '72a': clockStep(-3_600_000),
  '72b': clockStep(3_600_000),
  '72c': blocked,
  '72d': outOfMemory,
  '72f': cancelledInFlight,
  '72g': cancelledTooLate,
};
