/** When somebody is killed: the points that are waited for, and how often each is in a full run. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from './arena.ts';
import type { Victim } from './cells.ts';
import type { Dice } from './dice.ts';

export interface Moment {
  victim: Victim;
  point: string;
  /** Kills of it in a full run. */
  times: number;
  /** Resolves at the moment; false when it did not come. */
  wait: (arena: Arena, dice: Dice) => Promise<boolean>;
}

const LIMIT_MS = 12_000;

export const MOMENTS: readonly Moment[] = [
  { victim: 'worker', point: 'a call in flight', times: 34, wait: callInFlight },
  { victim: 'worker', point: 'an answer arrives', times: 28, wait: after(anAnswer, 0, 3) },
  { victim: 'worker', point: 'it records', times: 24, wait: after(anAnswer, 10, 150) },
  { victim: 'worker', point: 'admission', times: 10, wait: after(aCommand, 400, 1_500) },
  { victim: 'worker', point: 'it starts', times: 10, wait: after(aNew('worker'), 0, 1_200) },
  { victim: 'server', point: 'calls in flight', times: 44, wait: callInFlight },
  { victim: 'server', point: 'admission', times: 10, wait: after(aCommand, 300, 1_500) },
  { victim: 'server', point: 'it starts', times: 6, wait: after(aNew('server'), 0, 500) },
  { victim: 'supervisor', point: 'calls in flight', times: 30, wait: callInFlight },
  { victim: 'supervisor', point: 'it replaces a part', times: 12, wait: after(aGap('worker'), 0, 400) },
  { victim: 'command', point: 'admission', times: 26, wait: after(aCommand, 0, 1_000) },
  { victim: 'command', point: 'it waits', times: 26, wait: callInFlight },
];

async function callInFlight({ provider }: Arena, dice: Dice): Promise<boolean> {
  if (!(await comes(() => provider.inFlight > 0))) return false;
  await sleep(dice.between(0, 800));
  return comes(() => provider.inFlight > 0);
}

type Event = (arena: Arena) => () => boolean | Promise<boolean>;

/** A while after the next event of this kind. */
function after(event: Event, leastMs: number, mostMs: number): Moment['wait'] {
  return async (arena, dice) => {
    if (!(await comes(event(arena)))) return false;
    const waitMs = dice.between(leastMs, mostMs);
    if (waitMs > 0) await sleep(waitMs);
    return true;
  };
}

function anAnswer({ provider }: Arena): () => boolean {
  const answered = () => provider.calls.filter(({ event }) => event === 'answered').length;
  const before = answered();
  return () => answered() > before;
}

function aCommand(arena: Arena): () => boolean {
  const before = arena.lastCommandAtMs;
  return () => arena.lastCommandAtMs > before;
}

/** A part that another kill ended is there again: this moment kills it twice, the first time for nothing but this. */
function aNew(victim: Victim): Event {
  return (arena) => {
    let first: number | null | undefined;
    return async () => {
      const pid = await arena.pidOf(victim);
      if (first === undefined) {
        first = pid;
        if (pid !== null) await arena.kill(victim, pid, 'to see it start');
        return false;
      }
      return pid !== null && pid !== first;
    };
  };
}

/** A part is gone, by our own kill. */
function aGap(victim: Victim): Event {
  return (arena) => async () => {
    const pid = await arena.pidOf(victim);
    return pid !== null && arena.kill(victim, pid, 'for the supervisor to replace');
  };
}

async function comes(isThere: () => boolean | Promise<boolean>): Promise<boolean> {
  const untilMs = Date.now() + LIMIT_MS;
  while (!(await isThere())) {
    if (Date.now() > untilMs) return false;
    await sleep(2);
  }
  return true;
}
