/** Starts `doomed-worker.mjs` and says what it did to the files, and what Temporal would know of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { TaskOutcome } from '../../src/domain/activity-contract.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { type ActivityWorld, RUN_ID } from '../support/activity-world.ts';

/** One thing that was done to a file or folder. Its parts are moments in the order of all that happened. */
export interface Operation {
  n: number;
  /** The same in each run: what is done to which file, and the how manieth time. */
  name: string;
  time: number;
  op: string;
  path: string;
  to?: string;
  beganAt: number;
  /** Infinity when the process ended before it did. */
  endedAt: number;
}

export interface Doomed {
  signal: NodeJS.Signals | null;
  operations: Operation[];
  /** The last Temporal attempt that began. */
  attempt: number;
  /** What its workflow knew of the task's end; null when the activity had not ended. */
  outcome: TaskOutcome | null;
}

type Line =
  | ({ at: 'begin' } & Omit<Operation, 'beganAt' | 'endedAt'>)
  | { at: 'end'; n: number }
  | { at?: undefined; attempt?: number; outcome?: TaskOutcome };

/** What is loaded is used once: optimising it costs more than it saves. */
const CHEAP = ['--no-opt', '--max-lazy'];
const PROGRAM = fileURLToPath(new URL('doomed-worker.mjs', import.meta.url));
const RECORDER = new URL('file-operations.mjs', import.meta.url).href;

/** Where a process ends. */
export interface CutAt extends Pick<Operation, 'name' | 'time'> {
  moment: 'before' | 'within' | 'after';
}

/** `cutAt` null: it ends in its own time. */
export async function runDoomed(
  world: ActivityWorld,
  task: AdmittedTask,
  { from, cutAt }: { from: number; cutAt: CutAt | null },
): Promise<Doomed> {
  const { folder, outputDir, spoolDir } = world;
  const env = {
    HOME: folder,
    IMGPROOF_HOME: `${folder}/home`,
    IMGPROOF_CONFIG: `${folder}/config.json`,
    PATH: process.env['PATH'] ?? '',
  };
  const work = { env, outputDir, spoolDir, runId: RUN_ID, order: world.order(task), from };
  const program = [...CHEAP, '--import', RECORDER, PROGRAM, JSON.stringify(work)];
  const child = spawn(process.execPath, program, {
    env: { ...env, CUT_BELOW: folder, ...(cutAt === null ? {} : { CUT_AT: JSON.stringify(cutAt) }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [output, errors, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the worker failed (${code}): ${errors}`);
  return { signal, ...readLines(output) };
}

function readLines(output: string): Omit<Doomed, 'signal'> {
  const operations = new Map<number, Operation>();
  let attempt = 0;
  let outcome: TaskOutcome | null = null;
  for (const [moment, written] of output.split('\n').entries()) {
    if (written === '') continue;
    const line = JSON.parse(written) as Line;
    if (line.at === 'begin') {
      const { at: _, ...operation } = line;
      operations.set(line.n, { ...operation, beganAt: moment, endedAt: Infinity });
    } else if (line.at === 'end') (operations.get(line.n) as Operation).endedAt = moment;
    else {
      attempt = line.attempt ?? attempt;
      outcome = line.outcome ?? outcome;
    }
  }
  return { operations: [...operations.values()], attempt, outcome };
}
