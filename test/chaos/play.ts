/** One run of chaos: every scenario and the storm, each arena judged, all figures together. */
import { cpSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arena } from './arena.ts';
import { diceOf } from './dice.ts';
import { judge, type Judgement } from './judge.ts';
import * as scenarios from './scenarios.ts';
import type { Scenario } from './scenarios.ts';
import { momentsOf, storm } from './storm.ts';
import { type Spread, spreadOf, untilCalledAgain, untilNextCall } from './times.ts';

export interface Extent {
  /** Arenas of the storm, their tasks in all, and the share of the planned kills that are played. */
  storms: number;
  tasks: number;
  share: number;
  /** Kills after the answer, and stacks that play them at a time. */
  answered: number;
  answeredArenas: number;
  alone: number;
  others: boolean;
  stormMinutes: number;
  pauseMs: readonly [number, number];
}

export const FULL: Extent = {
  storms: 3,
  tasks: 1_000,
  share: 1,
  answered: 50,
  answeredArenas: 5,
  alone: 8,
  others: true,
  stormMinutes: 10,
  pauseMs: [100, 1_500],
};

/** A part of the full run, for a look: `--share 0.1`. */
export function extentOf(share: number): Extent {
  const part = (count: number) => Math.max(1, Math.round(count * share));
  return {
    ...FULL,
    share,
    tasks: part(FULL.tasks),
    answered: part(FULL.answered / FULL.answeredArenas) * FULL.answeredArenas,
    alone: part(FULL.alone),
  };
}

/** A worker killed with calls in flight, and nothing else on the machine: for the times alone (`--only alone`). */
export const ALONE: Extent = { ...FULL, storms: 0, tasks: 0, answered: 0, answeredArenas: 0, others: false };

export interface ArenaReport extends Judgement {
  name: string;
  problems: string[];
  kills: number;
}

export interface ChaosReport {
  seed: string;
  startedAt: string;
  minutes: number;
  arenas: ArenaReport[];
  kills: { victim: string; point: string; times: number; midBatch: number }[];
  times: Record<string, Spread>;
  notPlayed: string[];
}

interface Played {
  report: ArenaReport;
  arena: Arena;
  figures: Record<string, number[]>;
}

export async function playChaos(
  seed: string,
  extent: Extent,
  tell: (line: string) => void,
): Promise<ChaosReport> {
  const startedAt = new Date();
  const played: Played[] = [];
  const notPlayed: string[] = [];
  const hardEndMs = startedAt.getTime() + (extent.stormMinutes + 12) * 60_000;

  const play = async (name: string, scenario: Scenario) => {
    const scene = await scenario(hardEndMs);
    if (typeof scene === 'string') {
      notPlayed.push(`${name}: ${scene}`);
      return;
    }
    const one = await judged(scene);
    played.push(one);
    tell(lineOf(name, one.report));
  };

  await play('a worker killed, alone', (end) =>
    scenarios.killedWithCallsInFlight('alone', extent.alone, end),
  );
  await Promise.all([
    ...Array.from({ length: extent.answeredArenas }, (_, i) =>
      play('killed after the answer', (end) =>
        scenarios.killedAfterTheAnswer(`answered-${i + 1}`, extent.answered / extent.answeredArenas, end),
      ),
    ),
    extent.others ? playOthers(play) : null,
  ]);
  const dice = diceOf(seed);
  const plans = momentsOf(dice, Math.round(extent.storms / extent.share)).slice(0, extent.storms);
  const killUntilMs = Date.now() + extent.stormMinutes * 60_000;
  await Promise.all(
    plans.map((moments, i) =>
      play('storm', async (untilMs) => {
        const tasks = Math.ceil(extent.tasks / extent.storms);
        const { pauseMs } = extent;
        const plan = { moments, tasks, lanes: 4, sizes: [8, 24], pauseMs, killUntilMs, untilMs } as const;
        const arena = await storm(`storm-${i + 1}`, plan, dice.named(`storm ${i + 1}`));
        return { arena, problems: [], figures: {}, close: () => arena.close() };
      }),
    ),
  );
  const minutes = (Date.now() - startedAt.getTime()) / 60_000;
  return {
    seed,
    startedAt: startedAt.toISOString(),
    minutes: Math.round(minutes * 10) / 10,
    arenas: played.map(({ report }) => report),
    kills: killsOf(played),
    times: timesOf(played),
    notPlayed,
  };
}

async function playOthers(play: (name: string, scenario: Scenario) => Promise<void>): Promise<void> {
  for (const victim of ['worker', 'server'] as const)
    for (const latencyMs of [3_000, 20_000])
      await play(`${victim} suspended, calls of ${latencyMs / 1000} s`, (end) =>
        scenarios.suspended(`${victim}-${latencyMs}`, victim, latencyMs, end),
      );
  await play('the clock jumps', scenarios.clockJumps);
  await play('the disk is full', scenarios.fullDisk);
}

/** What can't be explained is kept, to be looked at. */
async function judged(scene: scenarios.Scene): Promise<Played> {
  const { arena, problems, figures } = scene;
  const judgement = await judge(arena);
  const report = { name: arena.name, ...judgement, problems, kills: arena.kills.length };
  if (problemsOf(report).length > 0) {
    const kept = join(tmpdir(), `imgproof-chaos-kept-${process.pid}-${arena.name}`);
    cpSync(arena.cli.folder, kept, { recursive: true });
    report.problems.push(`kept in ${kept}`);
  }
  await scene.close().catch((error: unknown) => report.problems.push(String(error)));
  return { report, arena, figures };
}

export function problemsOf({
  lost,
  torn,
  unexplained,
  hidden,
  problems,
  duplicates,
  diedInFlight,
}: ArenaReport) {
  const tooMany =
    duplicates > diedInFlight ? [`${duplicates} duplicates, ${diedInFlight} calls in flight`] : [];
  const called = (what: string, all: readonly string[]) => all.map((text) => `${what}: ${text}`);
  return [
    ...called('lost', lost),
    ...called('torn', torn),
    ...called('called again without a reason', unexplained),
    ...called('hidden', hidden),
    ...tooMany,
    ...problems,
  ];
}

function lineOf(name: string, report: ArenaReport): string {
  const { tasks, completed, calls, duplicates, kills } = report;
  const verdict = problemsOf(report).length === 0 ? 'ok' : 'NOT OK';
  return `${verdict}  ${name} (${report.name}): ${completed}/${tasks} tasks, ${calls} calls, ${duplicates} again, ${kills} kills`;
}

function killsOf(played: readonly Played[]): ChaosReport['kills'] {
  const rows = new Map<string, ChaosReport['kills'][number]>();
  for (const { victim, point, tasksOpen } of played.flatMap(({ arena }) => arena.kills)) {
    const key = `${victim} ${point}`;
    const row = rows.get(key) ?? { victim, point, times: 0, midBatch: 0 };
    rows.set(key, { ...row, times: row.times + 1, midBatch: row.midBatch + (tasksOpen > 0 ? 1 : 0) });
  }
  return [...rows.values()].toSorted((a, b) => a.victim.localeCompare(b.victim) || b.times - a.times);
}

function timesOf(played: readonly Played[]): Record<string, Spread> {
  const of = (names: RegExp) =>
    played.filter(({ arena }) => names.test(arena.name)).map(({ arena }) => arena);
  const times: Record<string, number[]> = {
    'alone: from the kill to the call again for the same task': of(/^alone/u).flatMap(untilCalledAgain),
    'alone: from the kill to the next call': of(/^alone/u).flatMap((arena) => untilNextCall(arena, 'worker')),
    'storm: from a death to the call again for the same task': of(/^storm/u).flatMap(untilCalledAgain),
    'storm: from a worker killed to the next call': of(/^storm/u).flatMap((arena) =>
      untilNextCall(arena, 'worker'),
    ),
    'storm: from a server killed to the next call': of(/^storm/u).flatMap((arena) =>
      untilNextCall(arena, 'server'),
    ),
  };
  for (const { figures, arena } of played)
    for (const [name, values] of Object.entries(figures)) {
      if (!name.includes('call after')) continue;
      times[`${arena.name}: ${name}`] = values;
    }
  return Object.fromEntries(Object.entries(times).map(([name, values]) => [name, spreadOf(values)]));
}
