import { beforeAll, describe, expect, test } from 'vitest';
import { type ProviderServer, startProviderServer } from '../support/provider-server.ts';
import { CELLS, STATES, VICTIMS } from './cells.ts';
import { killOnce } from './kill.ts';

let provider: ProviderServer;
beforeAll(async () => {
  provider = await startProviderServer();
  return () => provider.close();
});

/** Those that no other test has; `npm run chaos:embedded` goes through all of them. */
const SHORT = new Set(['server starts, server', 'worker starts, supervisor']);

describe('kill -9 of each process at each state: 0 lost, 0 second servers, 0 hidden calls (C5)', () => {
  test.each(CELLS.filter(({ state, victim }) => SHORT.has(`${state}, ${victim}`)))(
    '$state: $victim',
    async (cell) => {
      const { expected, completed, secondServers, calls, recorded, note } = await killOnce(cell, provider);
      expect({ completed, secondServers, note }).toEqual({
        completed: expected,
        secondServers: 0,
        note: expect.stringMatching(/, 0$/u) as string,
      });
      expect(recorded, 'calls that the proofs list').toBeGreaterThanOrEqual(calls);
    },
    300_000,
  );

  test('the whole program has every process that exists in a state', () => {
    const absent = CELLS.length - STATES.length * VICTIMS.length;
    expect([CELLS.length, absent]).toEqual([18, -2]);
    for (const state of STATES)
      expect(CELLS.filter((cell) => cell.state === state).length).toBeGreaterThan(2);
  });
});
