/** The short form of `npm run model`: random sequences of operations on running batches. */
import { test } from 'vitest';
import { tellAndPlay } from './play-many.ts';

const STORIES = 8;

test(`${STORIES} random sequences of operations: every task has one end, none ran twice, files and histories agree`, async () => {
  await tellAndPlay(STORIES);
}, 240_000);
