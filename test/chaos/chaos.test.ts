import { expect, onTestFinished, test } from 'vitest';
import { diceOf } from './dice.ts';
import { judge } from './judge.ts';
import { MOMENTS } from './moments.ts';
import { storm } from './storm.ts';

/** One of each that `npm run chaos` plays by the hundred; the third leaves nobody who replaces the worker. */
const KILLS = [
  ['worker', 'a call in flight'],
  ['command', 'it waits'],
  ['supervisor', 'it replaces a part'],
  ['server', 'calls in flight'],
];
const KILL_FOR_MS = 20_000;
const LIMIT_MS = 100_000;

test('worker, command, supervisor and server killed under two batches: nothing lost, torn or hidden, and no call again but of those that died', async () => {
  const moments = KILLS.flatMap((kill) =>
    MOMENTS.filter(({ victim, point }) => victim === kill[0] && point === kill[1]),
  );
  const startedAtMs = Date.now();
  const limits = { killUntilMs: startedAtMs + KILL_FOR_MS, untilMs: startedAtMs + LIMIT_MS };
  const plan = { moments, tasks: 12, lanes: 2, sizes: [6, 6], pauseMs: [0, 300], ...limits } as const;
  const arena = await storm('short', plan, diceOf('short'));
  onTestFinished(() => arena.close(), 60_000);
  const { lost, torn, hidden, unexplained, tasks, completed } = await judge(arena);
  expect({ lost, torn, hidden, unexplained }).toEqual({ lost: [], torn: [], hidden: [], unexplained: [] });
  expect([tasks, completed]).toEqual([tasks, tasks]);
  const killed = arena.kills.map(({ victim }) => victim);
  expect(new Set(killed)).toEqual(new Set(KILLS.map(([victim]) => victim)));
}, 180_000);
