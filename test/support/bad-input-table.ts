/**
 * `npm run bad-input-table`: starts the real dev server and a worker, tries every row of `bad-inputs.ts` by
 * `temporal workflow start`, and prints what became of it. Exit 1 when a row ends otherwise than it must (SPEC T1).
 */
import { deviations, startBadInputWorld } from './bad-input-world.ts';
import { BAD_INPUTS } from './bad-inputs.ts';

const print = (line: string) => process.stdout.write(`${line}\n`);
const COLUMNS = [20, 44, 10, 6] as const;
const inColumns = (...cells: string[]) => cells.map((cell, i) => cell.padEnd(COLUMNS[i] ?? 0)).join('  ');

const world = await startBadInputWorld();
try {
  const wrong = (await printRows()) + (await printOpen());
  print(
    `${BAD_INPUTS.length} rows, ${wrong} deviations, ${world.provider.calls.length} calls of the provider`,
  );
  process.exitCode = wrong === 0 ? 0 : 1;
} finally {
  await world.stop();
}

async function printRows(): Promise<number> {
  let wrong = 0;
  print(inColumns('TYPE', 'ROW', 'END', 'S', 'FIRST LINE'));
  for (const bad of BAD_INPUTS) {
    const outcome = await world.run(bad);
    const seconds = outcome.end === 'refused' ? '–' : outcome.seconds.toFixed(2);
    print(inColumns(bad.type || '(none)', bad.row, outcome.end, seconds, beginOf(outcome.message)));
    for (const deviation of deviations(bad, outcome)) {
      wrong += 1;
      print(`    WRONG: ${deviation}`);
    }
  }
  return wrong;
}

async function printOpen(): Promise<number> {
  const open = await world.openWorkflows();
  print(
    `\ntemporal workflow list --query "ExecutionStatus = 'Running'": ${open.length === 0 ? 'none' : open.join(', ')}`,
  );
  return open.length;
}

/** The first line, and after a mere count the first problem. */
function beginOf(message: string): string {
  const [first = '', second] = message.split('\n');
  return (first.endsWith(':') && second !== undefined ? `${first} ${second}` : first).slice(0, 120);
}
