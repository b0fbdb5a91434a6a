/**
 * `npm run faults`: every case of the fault catalogue, and `72/72` when all of them end as it says. Exit 1 when one does
 * not, or could not be shown on this machine.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAULTS, faultCases } from '../../src/domain/fault-catalogue.ts';
import { SHOWN_ELSEWHERE } from './shown-elsewhere.ts';

interface Report {
  testResults: { name: string; assertionResults: Omit<Result, 'file'>[] }[];
}

interface Result {
  file: string;
  fullName: string;
  title: string;
  status: string;
  failureMessages: string[];
}

const print = (line: string) => process.stdout.write(`${line}\n`);

const results = runTests();
const failing = faultCases().filter(({ key }) => !isShown(key));
for (const { key, fault, faultCase } of failing) {
  print(`not shown: #${key} ${[fault.fault, faultCase.when].filter(Boolean).join(': ')} (${statusOf(key)})`);
  for (const { failureMessages } of resultsOf(key)) print(failureMessages.join('\n'));
}
const failed = new Set(failing.map(({ fault }) => fault.id));
print(`${faultCases().length - failing.length} of ${faultCases().length} cases`);
print(`${FAULTS.length - failed.size}/${FAULTS.length}`);
process.exitCode = failed.size === 0 ? 0 : 1;

function runTests(): Result[] {
  const folder = mkdtempSync(join(tmpdir(), 'imgproof-faults-'));
  const report = join(folder, 'report.json');
  try {
    const own = readdirSync('test/faults')
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => `test/faults/${name}`);
    const elsewhere = new Set(Object.values(SHOWN_ELSEWHERE).map(({ file }) => file));
    const names = ['#\\d+[a-z]?$', ...Object.values(SHOWN_ELSEWHERE).map(({ test }) => literal(test))];
    const reporters = ['--reporter=json', `--outputFile.json=${report}`];
    spawnSync(
      join('node_modules', '.bin', 'vitest'),
      ['run', ...reporters, '-t', names.join('|'), ...own, ...elsewhere],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
    return testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map((one) => ({ file: name, ...one })),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isShown(key: string): boolean {
  const found = resultsOf(key);
  return found.length > 0 && found.every(({ status }) => status === 'passed');
}

function statusOf(key: string): string {
  return resultsOf(key).map(({ status }) => status)[0] ?? 'not run';
}

function resultsOf(key: string): Result[] {
  const shown = SHOWN_ELSEWHERE[key];
  if (shown === undefined)
    return results.filter(({ file, title }) => file.includes('/test/faults/') && title === `#${key}`);
  return results.filter(({ file, fullName }) => file.endsWith(shown.file) && fullName.includes(shown.test));
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/gu, (char) => `\\${char}`);
}
