import * as fc from 'fast-check';
import { expect, onTestFinished } from 'vitest';
import { startSystem } from '../support/system.ts';
import { play, type Story, stories } from './operations-model.ts';

/** Batches that run at the same time, sharing the lane. */
const AT_A_TIME = 6;

/** So many stories, several at a time on one system. `MODEL_SEED` plays the ones of an earlier run again. */
export async function tellAndPlay(count: number): Promise<void> {
  const seed = Number(process.env['MODEL_SEED'] ?? Date.now() % 1_000_000);
  const told = fc.sample(stories, { numRuns: count, seed });
  const system = await startSystem('dev server');
  onTestFinished(system.stop);
  const problems: string[] = [];
  const playNext = async (): Promise<void> => {
    for (let story = told.shift(); story !== undefined; story = told.shift())
      problems.push(...(await problemsOf(story)));
  };
  const problemsOf = async (story: Story) => {
    const found = await play(system, story).catch((error: unknown) => [String(error)]);
    return found.map((problem) => `${problem}\n  in ${JSON.stringify(story)}`);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, playNext));
  expect(problems, `MODEL_SEED=${seed}`).toEqual([]);
  expect(await system.workflowTaskFailures()).toEqual([]);
}
