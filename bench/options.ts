/** What is measured: the workloads and how often, from the command line. */
import { parseArgs } from 'node:util';

export interface Workload {
  tasks: number;
  latencyMs: number;
  imageBytes: number;
}

export type Part = 'startup' | 'workloads';

export interface Options {
  workloads: Workload[];
  parts: Part[];
  /** Rounds that count. */
  rounds: number;
  warmUp: boolean;
  /** Rounds of one workload that may be played again because foreign work disturbed them. */
  repeats: number;
  /** How often each start is measured, and each `--help`. */
  starts: number;
  helps: number;
  /** Beginning of each prompt. */
  prompt: string;
  /** Receives every figure as JSON. */
  jsonFile: string | null;
  /** Where homes, images and proofs of the measured runs are written; null: a new folder below the temp folder. */
  folder: string | null;
}

export class UsageProblem extends Error {}

export const USAGE = `usage: npm run bench -- [options]
  --quick          few tasks, one round: shows that everything works, its times mean nothing
  --large          also 40 tasks at 1 s with images of 2 MB
  --only <part>    startup or workloads
  --rounds <n>     rounds that count (default 3)
  --prompt <text>  beginning of each prompt (default: 350 characters)
  --folder <path>  write the files of the measured runs below it (default: the temp folder)
  --json <file>    keep every figure, with the facts of this machine
Needs Linux and a machine with nothing else to do.`;

const SMALL_IMAGE_BYTES = 100_000;
const LARGE_IMAGE_BYTES = 2_000_000;
const HUGE_IMAGE_BYTES = 29_000_000;
const REPEATS = 3;

const WORKLOADS: Workload[] = [
  { tasks: 40, latencyMs: 1_000, imageBytes: SMALL_IMAGE_BYTES },
  { tasks: 100, latencyMs: 50, imageBytes: SMALL_IMAGE_BYTES },
  // All in flight together: for the memory that answers of 40 MB need.
  { tasks: 4, latencyMs: 1_000, imageBytes: HUGE_IMAGE_BYTES },
];
const LARGE: Workload = { tasks: 40, latencyMs: 1_000, imageBytes: LARGE_IMAGE_BYTES };
const QUICK: Workload = { tasks: 8, latencyMs: 200, imageBytes: SMALL_IMAGE_BYTES };

/** As long as people's prompts are: histories grow with them. */
const PROMPT = 'A quiet shop counter at dawn, warm light through tall windows, ceramic cups on wood. '.repeat(
  4,
);

/** Null: help was asked for. @throws UsageProblem */
export function readOptions(args: readonly string[]): Options | null {
  const { quick, large, only, help, ...values } = parse(args);
  if (help === true) return null;
  return {
    workloads: quick === true ? [QUICK] : [...WORKLOADS, ...(large === true ? [LARGE] : [])],
    parts: only === undefined ? ['startup', 'workloads'] : [partOf(only)],
    rounds: quick === true ? 1 : count('rounds', values.rounds ?? '3'),
    warmUp: quick !== true,
    repeats: quick === true ? 0 : REPEATS,
    starts: quick === true ? 1 : 3,
    helps: quick === true ? 3 : 15,
    prompt: values.prompt ?? PROMPT,
    jsonFile: values.json ?? null,
    folder: values.folder ?? null,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: 'boolean' },
        large: { type: 'boolean' },
        help: { type: 'boolean' },
        only: { type: 'string' },
        rounds: { type: 'string' },
        prompt: { type: 'string' },
        folder: { type: 'string' },
        json: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new UsageProblem((error as Error).message);
  }
}

function partOf(text: string): Part {
  if (text === 'startup' || text === 'workloads') return text;
  throw new UsageProblem(`--only is startup or workloads, not '${text}'`);
}

function count(name: string, text: string): number {
  if (/^[1-9]\d?$/u.test(text)) return Number(text);
  throw new UsageProblem(`--${name} is a number from 1 to 99, not '${text}'`);
}
