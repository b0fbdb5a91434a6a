/**
 * `npm run chaos:embedded [-- <part of "state, process">]`: SIGKILL to each process of the embedded stack at each state,
 * with a real batch against the scripted provider, which is the judge of what was paid. About ten minutes.
 */
import { startProviderServer } from '../support/provider-server.ts';
import { CELLS } from './cells.ts';
import { killOnce, type Outcome } from './kill.ts';

/** Of the columns; the last one is open. */
const WIDTHS = [13, 10, 6, 14, 9, 5, 8];

process.exitCode = await main(process.argv[2] ?? '');

async function main(part: string): Promise<number> {
  const cells = CELLS.filter(({ state, victim }) => `${state}, ${victim}`.includes(part));
  const provider = await startProviderServer();
  const outcomes: Outcome[] = [];
  print(['state', 'killed', 'images', 'second servers', 'in flight', 'calls', 'recorded', 'outcome']);
  try {
    for (const cell of cells) {
      const outcome = await killOnce(cell, provider);
      outcomes.push(outcome);
      print(row(outcome));
    }
  } finally {
    await provider.close();
  }
  const lost = sum(outcomes, ({ expected, completed }) => expected - completed);
  const second = sum(outcomes, ({ secondServers }) => secondServers);
  const hidden = sum(outcomes, ({ calls, recorded }) => Math.max(0, calls - recorded));
  process.stdout.write(
    `${outcomes.length} kills: ${lost} lost, ${second} second servers, ${hidden} hidden calls\n`,
  );
  return outcomes.length > 0 && lost + second + hidden === 0 ? 0 : 1;
}

function print(cells: string[]): void {
  const padded = cells.map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0));
  process.stdout.write(`${padded.join('  ').trimEnd()}\n`);
}

function row(outcome: Outcome): string[] {
  const { state, victim, expected, completed, secondServers, inFlight, calls, recorded, note } = outcome;
  return [
    state,
    victim,
    `${completed}/${expected}`,
    String(secondServers),
    String(inFlight),
    String(calls),
    String(recorded),
    note,
  ];
}

function sum(outcomes: readonly Outcome[], of: (outcome: Outcome) => number): number {
  return outcomes.reduce((total, outcome) => total + of(outcome), 0);
}
