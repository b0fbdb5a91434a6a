/** From a command on a stopped system to its first call: server, worker and client start for it. */
import { measuredRun, type RunFigures } from '../run.ts';
import { imgproofRunner } from '../imgproof-runner.ts';
import type { Stack } from '../stack.ts';
import { median } from '../stats.ts';

export interface ColdStartFigures {
  /** Median. */
  firstCallMs: number;
  each: number[];
  brokenChecks: string[];
}

const ONE_IMAGE = { tasks: 1, latencyMs: 0, imageBytes: 100_000 };

/** Ends with a stack that runs. */
export async function coldStartFigures(
  stack: Stack,
  starts: number,
  { folder, prompt }: { folder: string; prompt: string },
): Promise<ColdStartFigures> {
  // No processes stand yet when the command begins.
  const runner = { ...imgproofRunner(stack), standing: () => Promise.resolve({}) };
  const runs: RunFigures[] = [];
  for (let start = 1; start <= starts; start += 1) {
    stack.stop();
    const order = { workload: ONE_IMAGE, prompt, folder, label: `cold-start-${start}` };
    runs.push(await measuredRun(runner, order));
  }
  const each = runs.map(({ beforeFirstCallMs }) => beforeFirstCallMs);
  return { firstCallMs: median(each), each, brokenChecks: runs.flatMap(({ brokenChecks }) => brokenChecks) };
}
