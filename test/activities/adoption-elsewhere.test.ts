/** What was paid is taken over by whoever comes next on this disk: another process, another run of the workflow (R5, B6). */
import { expect, test } from 'vitest';
import { runDoomed } from '../crash-points/doomed.ts';
import { activityWorld } from '../support/activity-world.ts';
import { playTask } from '../support/play-task.ts';

const AFTER_ANSWER = { time: 1, moment: 'after' } as const;

test('another worker process that is alive is waited for, and its answer is adopted: one call', async () => {
  const world = await activityWorld({ latencyMs: 800 });
  const task = world.task();
  const other = runDoomed(world, task, { from: 1, cutAt: null });
  await world.provider.waitForInFlight(1, 60_000);
  const here = await world.attempt(task, 2).result;
  expect(await other).toMatchObject({ signal: null, outcome: { generated: { image: here.image } } });
  expect(world.provider.calls).toHaveLength(1);
  expect(await world.images()).toHaveLength(1);
}, 90_000);

test('a reset adopts the answer that a killed worker had spooled and nobody had recorded: one call', async () => {
  const world = await activityWorld();
  const task = world.task();
  const entry = `home/spool/${task.generation_id}/${task.request_fingerprint.slice(0, 16)}`;
  const cutAt = { name: `link ${entry}/01.answer`, ...AFTER_ANSWER };
  expect((await runDoomed(world, task, { from: 1, cutAt })).signal).toBe('SIGKILL');
  const runId = '11111111-2222-4333-8444-555555555555';
  const generated = await world.attempt(task, 1, { runId }).result;
  expect(generated.image.sha256).toBe(world.provider.calls[0]?.image_sha256);
  const { row } = await playTask(world, task, { from: 2 });
  expect(row).toMatchObject({ acceptable: true, attempts_count: 1, billing: { possible: 0, yes: 1 } });
  expect(world.provider.calls).toHaveLength(1);
}, 90_000);
