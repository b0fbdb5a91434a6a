/** A worker that dies, and the attempts that go on after it on the same machine (SPEC R1, R4, R5). */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { billingOf, FAILURE_TYPES } from '../../src/domain/failure.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { type ActivityWorld, activityWorld, RUN_ID } from '../support/activity-world.ts';
import { type Played, playTask } from '../support/play-task.ts';
import type { ScriptStep } from '../support/provider-script.ts';
import { filesBelow } from '../support/system.ts';
import type { Doom, Moment } from './doomed-worker.ts';
import { judgeFiles, type Scenario } from './scenario.ts';

const PROGRAM = fileURLToPath(new URL('doomed-worker.ts', import.meta.url));
/** A process starts, and ten tasks run in it: minutes on a machine that is busy with other things. */
export const KILL_LIMIT_MS = 180_000;

interface Death {
  moment: Moment;
  /** What the provider does to its first request. */
  step?: ScriptStep;
  task?: Partial<AdmittedTask>;
}

const SLOW: ScriptStep = { kind: 'ok', latencyMs: 600_000 };
/** Half a minute for an answer. */
const DRIP: ScriptStep = { kind: 'drip', chunkBytes: 500, intervalMs: 500 };

/** One process, one SIGKILL: each task is at its own moment. */
const DEATHS: Readonly<Record<string, Death>> = {
  '67a': { moment: 'before its request is announced' },
  '67b': { moment: 'after it was announced' },
  '67c': { moment: 'when its connection stands' },
  '67d': { moment: 'while the provider works', step: SLOW },
  '67e': { moment: 'while the provider works', step: DRIP },
  '67f': { moment: 'after the last byte' },
  '67g': { moment: 'when the answer is in the spool' },
  '67h': { moment: 'while the image is saved' },
  '67i': { moment: 'after the image' },
  '67j': { moment: 'after result.json' },
  '68': { moment: 'while the provider works', step: SLOW, task: { max_attempts: 1 } },
};

interface Afterwards {
  pid: number;
  calls: number;
  played: Played;
}

/** The task of this key after the kill: `calls` the provider saw for it in all. */
export function killed(key: string, calls: number, judge: (played: Played) => void = isCompleted): Scenario {
  return async ({ end }) => {
    const after = (await afterwards()).get(key) as Afterwards;
    judge(after.played);
    expect(after.calls).toBe(calls);
    expectEnd(end, after);
  };
}

/** The same of a process that uses up its memory while the provider works. */
export const outOfMemory: Scenario = async ({ end }) => {
  const after = await play({ oom: { moment: 'out of memory', step: SLOW } }, ['--max-old-space-size=96']);
  const one = after.get('oom') as Afterwards;
  isCompleted(one.played);
  expect(one.calls).toBe(2);
  expectEnd(end, one);
};

/** One request was allowed, and it may have been paid: nothing more is bought. */
export function isUsedUp({ row, failures }: Played): void {
  expect(row).toMatchObject({ status: 'failed', category: 'worker_died', billing: { possible: 1, yes: 0 } });
  expect(failures.at(-1)?.type).toBe(FAILURE_TYPES.attemptsUsedUp);
}

function isCompleted({ row }: Played): void {
  expect(row).toMatchObject({ status: 'completed', acceptable: true, billing: { yes: 1 } });
}

/** The first attempt is the dead worker's; every possible payment is listed. */
function expectEnd(end: unknown, { pid, calls, played: { row, attempts } }: Afterwards): void {
  if (typeof end !== 'object')
    expect(row).toMatchObject({ attempts_count: 1, billing: { no: 0, possible: 0, yes: 1 } });
  else {
    const { category, phase } = end as { category: 'worker_died'; phase: 'sent' };
    expect(attempts[0]).toMatchObject({ category, phase, billing: billingOf(category, phase), pid });
  }
  expect(row.billing.possible + row.billing.yes).toBeGreaterThanOrEqual(calls);
}

let all: Promise<Map<string, Afterwards>> | undefined;
const afterwards = () => (all ??= play(DEATHS));

async function play(
  deaths: Readonly<Record<string, Death>>,
  nodeOptions: string[] = [],
): Promise<Map<string, Afterwards>> {
  const entries = Object.entries(deaths);
  const rules = entries.flatMap(([key, { step }]) =>
    step ? [{ match: promptOf(key), step, times: 1 }] : [],
  );
  const world = await activityWorld({ script: { rules } });
  const tasks = new Map(entries.map(([key, { task }]) => [key, taskOf(world, key, task)]));
  const doom = doomOf(world, entries, tasks);
  const printed = openSync(join(world.folder, 'worker.txt'), 'w');
  const worker = spawn(process.execPath, [...nodeOptions, '--import', 'tsx', PROGRAM, JSON.stringify(doom)], {
    stdio: ['ignore', printed, printed, 'ipc'],
  });
  closeSync(printed);
  const gone = once(worker, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  await Promise.race([untilAtTheirMoments(world, worker, entries), gone]);
  if (worker.connected) worker.send('now');
  const [, signal] = await gone;
  expect(signal).toBe(nodeOptions.length === 0 ? 'SIGKILL' : 'SIGABRT');
  await world.provider.waitForInFlight(0);

  const after = new Map<string, Afterwards>();
  for (const [key, task] of tasks) {
    const played = await playTask(world, task, { from: 2 });
    const calls = world.provider.calls.filter(({ prompt }) => prompt === promptOf(key)).length;
    after.set(key, { pid: worker.pid ?? 0, calls, played });
  }
  await sweepStrays(world);
  await judgeFiles(world, ...[...after.values()].map(({ played }) => played));
  return after;
}

/** Those that wait in the process say so; the others are with the provider. */
async function untilAtTheirMoments(
  { provider }: ActivityWorld,
  worker: ChildProcess,
  deaths: [string, Death][],
): Promise<void> {
  const atProvider = deaths.filter(([, { step }]) => step !== undefined);
  let waiting = deaths.length - atProvider.length - deaths.filter(([key]) => key === '67c').length;
  const ready = new Promise<void>((resolve) => {
    const count = () => {
      if (waiting <= 0) resolve();
    };
    worker.on('message', () => {
      waiting -= 1;
      count();
    });
    count();
  });
  await ready;
  const isWith = ([key]: [string, Death]) =>
    provider.calls.some(({ prompt, step }) => prompt === promptOf(key) && step !== null);
  while (!atProvider.every(isWith)) await sleep(50);
  // Some of the dripping body.
  await sleep(1_000);
}

const promptOf = (key: string) => `a lighthouse, case ${key}`;

function taskOf(world: ActivityWorld, key: string, wish: Partial<AdmittedTask> = {}): AdmittedTask {
  const run_dir = join(world.outputDir, 'batches', key);
  return world.task({
    task_key: key,
    task_name: key,
    prompt: promptOf(key),
    run_dir,
    timeout_ms: 120_000,
    ...wish,
  });
}

function doomOf(
  { folder, outputDir, spoolDir, order }: ActivityWorld,
  deaths: [string, Death][],
  tasks: Map<string, AdmittedTask>,
): Doom {
  return {
    env: { HOME: folder, IMGPROOF_HOME: join(folder, 'home'), IMGPROOF_CONFIG: join(folder, 'config.json') },
    outputDir,
    spoolDir,
    runId: RUN_ID,
    tasks: deaths.map(([key, { moment }]) => ({ moment, order: order(tasks.get(key) as AdmittedTask) })),
  };
}

/** What a process leaves that is killed while it writes: never under a name that is read. */
async function sweepStrays({ outputDir, spoolDir }: ActivityWorld): Promise<void> {
  for (const folder of [outputDir, spoolDir]) {
    const strays = (await filesBelow(folder)).filter((name) => name.endsWith('.tmp'));
    await Promise.all(strays.map((name) => rm(join(folder, name))));
  }
}
