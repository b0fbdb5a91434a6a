import { expect, test } from 'vitest';
import { CUTS } from './scenarios.ts';
import { pointsOf } from './sweep.ts';
import { spread, tellAndSweep } from './tell-and-sweep.ts';

/** Of each scenario; `npm run crash-points` plays them all. */
const SHORT = /^(?:text2img|a 429|a task of a queue|adoption)/u;
const EACH = 2;

test('a process that is ended at any operation on files loses nothing and hides no payment (R4, R5)', async () => {
  const cuts = CUTS.filter(({ name }) => SHORT.test(name));
  const all = await Promise.all(cuts.map(pointsOf));
  const points = all.flatMap((these, i) => spread(these, EACH, i / cuts.length));
  expect(points).toHaveLength(8);
  await tellAndSweep(points);
}, 300_000);
