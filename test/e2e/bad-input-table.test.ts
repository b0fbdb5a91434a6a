import { beforeAll, describe, expect, test } from 'vitest';
import { type BadInputWorld, deviations, startBadInputWorld } from '../support/bad-input-world.ts';
import { BAD_INPUTS } from '../support/bad-inputs.ts';

let world: BadInputWorld;
beforeAll(async () => {
  world = await startBadInputWorld();
  return world.stop;
}, 120_000);

describe('bad input from the Temporal CLI ends Failed within 5 s with all problems, never in a loop (T1)', () => {
  test.each(BAD_INPUTS.map((bad) => [bad.type, bad.row, bad] as const))(
    '%s: %s',
    async (_type, _row, bad) => {
      const outcome = await world.run(bad);
      expect({ deviations: deviations(bad, outcome), outcome }).toMatchObject({ deviations: [] });
    },
  );

  test('nothing is left open, and the provider was asked for what was right only', async () => {
    expect(await world.openWorkflows()).toEqual([]);
    const right = BAD_INPUTS.filter(({ expected }) => expected.end === 'completed').length;
    expect(world.provider.calls.length).toBe(right);
  });
});
