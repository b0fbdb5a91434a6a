/** `npm run crash-points`: every point of every scenario; the suite plays some of each. */
import { afterAll, describe, expect, test } from 'vitest';
import { CUTS } from '../crash-points/scenarios.ts';
import { pointsOf } from '../crash-points/sweep.ts';
import { spread, tellAndSweep } from '../crash-points/tell-and-sweep.ts';

/** Of each scenario. */
const MOST = Number(process.env['CRASH_POINTS'] ?? Infinity);

let played = 0;
afterAll(() => void process.stdout.write(`${played} crash points in all\n`));

describe('a process is ended at every operation on files', () => {
  test.each(CUTS.map((cut) => [cut.name, cut] as const))(
    '%s',
    async (name, cut) => {
      const all = await pointsOf(cut);
      expect(all.length).toBeGreaterThan(100);
      const points = spread(all, Math.min(MOST, all.length));
      played += points.length;
      await tellAndSweep(points, `${name}: ${points.length} of ${all.length}`);
    },
    900_000,
  );
});
