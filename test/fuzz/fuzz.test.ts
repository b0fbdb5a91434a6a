/** The short form of `npm run fuzz`; another seed each time, which a failure names. */
import { expect, test } from 'vitest';
import { GROUPS, playGroup } from './fuzz.ts';

const PART = 0.01;

test.each(GROUPS)(
  'hostile $name: no crash, no hang, no escape',
  async (group) => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const played = await playGroup(group, { seed, part: PART });
    expect({ seed, failures: played.failures }).toEqual({ seed, failures: [] });
    expect(played.runs).toBeGreaterThanOrEqual(group.runs * PART);
  },
  60_000,
);
