import { rmSync, truncateSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import type { CallRecord } from '../support/provider-calls.ts';
import type { Arena } from './arena.ts';
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
  await expectTheJudgeToBite(arena);
}, 180_000);

/** A result gone, a picture cut, a call that no record knows. */
async function expectTheJudgeToBite(arena: Arena): Promise<void> {
  const rows = arena.orders[0]?.record?.results ?? [];
  rmSync(rows[0]?.result_json as string);
  truncateSync(rows[1]?.image_path as string, 500);
  const [call] = arena.provider.calls;
  (arena.provider.calls as CallRecord[]).push({
    ...(call as CallRecord),
    x_client_request_id: 'g-unknown-1',
  });
  const { lost, torn, hidden, unexplained } = await judge(arena);
  const has = (text: string) => expect.stringContaining(text) as string;
  expect(lost).toEqual(expect.arrayContaining([has('no result'), has('broken')]));
  expect(torn).toEqual([has('.png')]);
  expect(hidden).toEqual(expect.arrayContaining([has('g-unknown-1 is not listed')]));
  expect(unexplained).toEqual([has('g-unknown-1 after')]);
}
