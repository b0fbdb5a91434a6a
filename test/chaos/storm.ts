/** Several batches at a time, and one kill after the other, until all that were planned have been. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Arena } from './arena.ts';
import type { Dice } from './dice.ts';
import { type Moment, MOMENTS } from './moments.ts';

export interface StormPlan {
  moments: readonly Moment[];
  tasks: number;
  /** Tasks of a batch. */
  sizes: readonly [least: number, most: number];
  /** Batches at a time. */
  lanes: number;
  /** Between two kills, milliseconds. */
  pauseMs: readonly [least: number, most: number];
  /** No kill after that, milliseconds since 1970. */
  killUntilMs: number;
  /** Commands that have not ended by then are given up. */
  untilMs: number;
}

/** `share` arenas divide the kills of a full run among them. */
export function momentsOf(dice: Dice, share: number): Moment[][] {
  const all = dice.shuffled(MOMENTS.flatMap((moment) => Array.from({ length: moment.times }, () => moment)));
  return Array.from({ length: share }, (_, i) => all.filter((_moment, at) => at % share === i));
}

export async function storm(name: string, plan: StormPlan, dice: Dice): Promise<Arena> {
  const latencies = dice.named('latencies');
  const arena = await Arena.open(name, () => latencies.between(200, 2_000));
  const sizes = dice.named('sizes');
  const over = new AbortController();
  const ordered = () => arena.orders.reduce((sum, { prompts }) => sum + prompts.length, 0);
  const lane = async () => {
    while ((!over.signal.aborted || ordered() < plan.tasks) && Date.now() < plan.untilMs)
      await arena.order(sizes.between(...plan.sizes), plan.untilMs).done;
  };
  const lanes = Array.from({ length: plan.lanes }, lane);
  const killing = killAll(arena, plan, dice.named('moments'));
  await killing.finally(() => over.abort());
  await Promise.all(lanes);
  return arena;
}

/** A moment that does not come is passed over; what was planned and what was played are both told. */
async function killAll(
  arena: Arena,
  { moments, pauseMs, killUntilMs }: StormPlan,
  dice: Dice,
): Promise<void> {
  await arena.provider.waitForCalls(1, 60_000);
  for (const { victim, point, wait } of moments) {
    if (Date.now() > killUntilMs) return;
    await sleep(dice.between(...pauseMs));
    if (!(await wait(arena, dice))) continue;
    const pid = await arena.pidOf(victim);
    if (pid !== null) await arena.kill(victim, pid, point);
  }
}
