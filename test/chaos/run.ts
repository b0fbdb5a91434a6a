/**
 * `npm run chaos [-- --seed TEXT] [--json FILE] [--minutes N] [--share N] [--only alone]`: real processes killed at random and at chosen moments while they
 * work on real orders; the provider's own log is the judge. Exit 1 when anything is lost, torn, hidden, or bought
 * again without a call that died.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { HEARTBEAT_TIMEOUT_MS } from './arena.ts';
import { ALONE, extentOf, FULL, playChaos, problemsOf } from './play.ts';
import { tableOf, verdictOf } from './tell.ts';

const print = (line: string) => process.stdout.write(`${line}\n`);

process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      json: { type: 'string' },
      minutes: { type: 'string' },
      share: { type: 'string' },
      only: { type: 'string' },
    },
  });
  const seed = values.seed ?? String(Date.now() % 1_000_000);
  const stormMinutes = Number(values.minutes ?? FULL.stormMinutes);
  print(`seed ${seed}; heartbeat timeout ${HEARTBEAT_TIMEOUT_MS / 1000} s`);
  const extent = values.only === 'alone' ? ALONE : { ...extentOf(Number(values.share ?? 1)), stormMinutes };
  const report = await playChaos(seed, extent, (line) =>
    print(`${new Date().toISOString().slice(11, 19)}  ${line}`),
  );
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  for (const line of tableOf(report)) print(line);
  const problems = report.arenas.flatMap(problemsOf);
  for (const problem of problems) print(`problem: ${problem}`);
  print(verdictOf(report));
  return problems.length === 0 ? 0 : 1;
}
