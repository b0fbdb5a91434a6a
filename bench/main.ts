/**
 * `npm run bench`: the same images through a bare loop and through imgproof, and what starting takes (docs/performance.md).
 * Exit 1 when a call, a file or the limit of requests in flight is not as it has to be; never because of a time.
 */
import { writeFile } from 'node:fs/promises';
import { measureAll } from './measure.ts';
import { readOptions, USAGE, UsageProblem } from './options.ts';
import { reportLines } from './report.ts';

const EXIT = { ok: 0, failed: 1, usage: 2, environment: 3 } as const;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    return await bench(args);
  } catch (error) {
    if (!(error instanceof UsageProblem)) throw error;
    process.stderr.write(`bench: ${error.message}\n${USAGE}\n`);
    return EXIT.usage;
  }
}

async function bench(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === null) {
    process.stdout.write(`${USAGE}\n`);
    return EXIT.ok;
  }
  if (process.platform !== 'linux') {
    process.stderr.write('bench: the figures come from /proc; this needs Linux\n');
    return EXIT.environment;
  }
  const results = await measureAll(options, (line) => process.stderr.write(`${line}\n`));
  if (options.jsonFile !== null) await writeFile(options.jsonFile, `${JSON.stringify(results, null, 2)}\n`);
  process.stdout.write(`${reportLines(results).join('\n')}\n`);
  return results.brokenChecks.length === 0 ? EXIT.ok : EXIT.failed;
}
