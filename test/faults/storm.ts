/** Every request is refused for a while: what the provider sees meanwhile, and what becomes of the tasks (SPEC R1, R3). */
import { expect } from 'vitest';
import { BATCH_LIMITS } from '../../src/domain/batch.ts';
import type { AttemptRecord } from '../../src/domain/records.ts';
import { activityWorld } from '../support/activity-world.ts';
import { newClock, playTask } from '../support/play-task.ts';
import type { CallRecord } from '../support/provider-calls.ts';
import type { ScriptStep } from '../support/provider-script.ts';
import { judgeFiles, type Scenario } from './scenario.ts';

const TASKS = 10;
const STORM_MS = 4_000;
const REFUSAL: ScriptStep = { kind: '429', retryAfter: '1' };

/** In real time, with as many places as a worker has. */
export const stormOfMany: Scenario = async () => {
  const endsAtMs = Date.now() + STORM_MS;
  const script = () => (Date.now() < endsAtMs ? REFUSAL : undefined);
  const world = await activityWorld({ script });
  const inSlot = places(BATCH_LIMITS.maxWorkers);
  const names = Array.from({ length: TASKS }, (_, i) => `storm-${i + 1}`);
  const played = await Promise.all(
    names.map((name) => {
      const task = world.task({
        task_key: name,
        task_name: name,
        run_dir: `${world.outputDir}/batches/${name}`,
      });
      return playTask(world, task, { clock: newClock(60_000), inSlot });
    }),
  );
  expect(played.map(({ row }) => row.status)).toEqual(names.map(() => 'completed'));
  expect(played.every(({ row }) => row.billing.possible === 0 && row.billing.yes === 1)).toBe(true);
  const { calls } = world.provider;
  const refused = calls.filter(({ status }) => status === 429);
  // Each place finds out once; then one request a second asks for all of them.
  expect(refused.length).toBeGreaterThanOrEqual(2);
  expect(refused.length).toBeLessThanOrEqual(BATCH_LIMITS.maxWorkers + STORM_MS / 1_000);
  expect(calls).toHaveLength(TASKS + refused.length);
  expectNoneBefore(
    played.flatMap(({ attempts }) => attempts),
    calls,
    1_000,
  );
};

/** A minute of the server's time. */
export const stormOfOne: Scenario = async () => {
  const clock = newClock();
  const endsAtMs = Date.now() + 60_000;
  const script = () => (Date.now() + clock.aheadMs < endsAtMs ? REFUSAL : undefined);
  const world = await activityWorld({ script });
  const played = await playTask(world, world.task({ max_attempts: 1, retry_max_delay_ms: 45_000 }), {
    clock,
  });
  expect(played.row).toMatchObject({ status: 'completed', billing: { possible: 0, yes: 1 } });
  expect(played.row.billing.no).toBeLessThan(10);
  expect(world.provider.calls).toHaveLength(1 + played.row.billing.no);
  expect(Math.min(...played.waitsMs)).toBeGreaterThan(500);
  await judgeFiles(world, played);
};

/** No request begins once a refusal is known here, before the time that it named counted from when it was said. */
function expectNoneBefore(
  attempts: readonly AttemptRecord[],
  calls: readonly CallRecord[],
  announcedMs: number,
): void {
  const refusals = attempts.filter(({ http_status }) => http_status === 429);
  for (const { generation_id, attempt, ended_at } of refusals) {
    const knownMs = Date.parse(ended_at ?? '');
    const call = calls.find(
      ({ x_client_request_id }) => x_client_request_id === `${generation_id}-${attempt}`,
    );
    const opensMs = Date.parse(call?.ended_at ?? '') + announcedMs;
    expect(opensMs).not.toBeNaN();
    const early = attempts.filter(({ started_at }) => {
      const beganMs = Date.parse(started_at);
      return knownMs < beganMs && beganMs < opensMs;
    });
    expect(early).toEqual([]);
  }
}

/** At most `count` at a time, first come first served. */
function places(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = count;
  const line: (() => void)[] = [];
  return async (work) => {
    if (free === 0) await new Promise<void>((next) => line.push(next));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
