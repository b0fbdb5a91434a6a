/** Orders that go through admission first. */
import { expect } from 'vitest';
import type { ActivityDeps } from '../../src/activities/deps.ts';
import type { ApplicationFailure } from '@temporalio/common';
import type { AdmittedTask, TaskRequest } from '../../src/domain/task.ts';
import { type ActivityWorld, activityWorld } from '../support/activity-world.ts';
import { admit, tasksOf } from '../support/admit.ts';
import type { Scenario } from './scenario.ts';

/** What is ordered in a world, and which folders its worker allows; default: all. */
export type Ordered = (world: ActivityWorld) => Promise<OrderedTask> | OrderedTask;

interface OrderedTask {
  request: Partial<TaskRequest>;
  workflowId?: string;
  deps?: Partial<ActivityDeps>;
}

/** Refused before anything is made or sent, quickly, with the reason in words. */
export function refusedOrder(says: RegExp, ordered: Ordered): Scenario {
  return async ({ end }) => {
    expect(end).toBe('refused');
    const world = await activityWorld();
    const order = await ordered(world);
    const begun = performance.now();
    const failure: unknown = await admitIn(world, order).then(
      () => new Error('it was admitted'),
      (error: unknown) => error,
    );
    world.told.push(failure);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(failure).toMatchObject({ nonRetryable: true, message: expect.stringMatching(says) as unknown });
    expect((failure as ApplicationFailure).message).not.toContain(process.env['PATH'] ?? '?');
    expect([world.provider.calls.length, await world.images()]).toEqual([0, []]);
  };
}

/** The one task that is admitted. */
export async function admittedTask(world: ActivityWorld, ordered: OrderedTask): Promise<AdmittedTask> {
  const [task] = await tasksOf(await admitIn(world, ordered));
  return task as AdmittedTask;
}

const QUICK = { size: '816x816', retry_base_delay: 0.1, retry_max_delay: 1, retry_jitter: 0 };

function admitIn(world: ActivityWorld, { request, workflowId = 'fault-task', deps }: OrderedTask) {
  const input = { prompt: 'a lighthouse', output_dir: world.outputDir, ...QUICK, ...request };
  return admit({ ...world.deps, ...deps }, 'task', workflowId, input);
}
