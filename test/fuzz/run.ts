/**
 * `npm run fuzz`: the long form of every group, with counts. `--seed N` plays the same again, `--part 0.1` a tenth of it.
 * Exit 1 when something does not hold.
 */
import { parseArgs } from 'node:util';
import { GROUPS, playGroup } from './fuzz.ts';

const { values } = parseArgs({
  options: { seed: { type: 'string' }, part: { type: 'string', default: '1' } },
});
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
const part = Number(values.part);
const print = (line: string) => process.stdout.write(`${line}\n`);

print(`seed ${seed}`);
let failed = 0;
for (const group of GROUPS) {
  const { name, runs, seconds, slowestMs, failures } = await playGroup(group, { seed, part });
  const count = runs.toLocaleString('en');
  print(
    `${count} ${name}: ${failures.length} failed, slowest ${slowestMs.toFixed(0)} ms, ${seconds.toFixed(1)} s`,
  );
  for (const failure of failures) print(failure);
  failed += failures.length;
}
print(failed === 0 ? 'no crash, no hang, no escape' : `${failed} failed; again with --seed ${seed}`);
process.exitCode = failed === 0 ? 0 : 1;
