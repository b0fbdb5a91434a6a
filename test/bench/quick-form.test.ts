import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { BenchResults } from '../../bench/results.ts';
import type { RunFigures } from '../../bench/run.ts';
import { tempFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const QUICK_TASKS = 8;

/** The benchmark as a process, in a folder that shows what it leaves behind. */
async function bench(...args: string[]) {
  const folder = tempFolder();
  const jsonFile = join(folder, 'figures.json');
  const work = join(folder, 'work');
  const program = ['--import', 'tsx', 'bench/main.ts'];
  const child = spawn(process.execPath, [...program, '--folder', work, '--json', jsonFile, ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number | null];
  const results = await readFile(jsonFile, 'utf8').then(
    (text) => JSON.parse(text) as BenchResults,
    () => null,
  );
  return { code, stdout, stderr, results, leftBehind: await readdir(work).catch(() => []), work };
}

/** Command lines of running processes that name this folder. */
async function processesOf(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(folder));
}

describe.skipIf(process.platform !== 'linux')('npm run bench -- --quick', () => {
  test('makes every image by both ways, one call each and at most 4 in flight, and keeps all figures', async () => {
    const { code, stdout, stderr, results, leftBehind, work } = await bench('--quick');
    expect([code, stderr]).toEqual([0, expect.stringContaining('round-1: loop')]);
    const [workload] = results?.workloads ?? [];
    expect(workload?.counted).toHaveLength(1);
    for (const run of Object.values(workload?.counted[0]?.figures ?? {})) expectFigures(run);
    expect(workload?.history.child.events).toBeGreaterThanOrEqual(12);
    expect(workload?.history.parentPerTask.bytes).toBeGreaterThan(0);
    expect(results?.startup?.coldStart.firstCallMs).toBeGreaterThan(0);
    expect(results?.startup?.help.ratio).toBeGreaterThan(0);
    expect(results?.startup?.workerReady.ratio).toBeGreaterThan(0);
    expect(results?.machine).toMatchObject({ cores: expect.any(Number), node: process.versions.node });
    expect(stdout).toContain('ok     every call, every file');
    expect(stdout.match(/at most [\d.]+: (?:met|NOT MET|not measured)/gu)).toHaveLength(5);
    expect([leftBehind, await processesOf(work)]).toEqual([[], []]);
  }, 300_000);

  test('ends with 1 and says why when a call had to be made twice', async () => {
    const faulty = ['--only', 'workloads', '--prompt', '[fault:500 times=1] '];
    const { code, stdout, results, leftBehind } = await bench('--quick', ...faulty);
    expect([code, results?.startup]).toEqual([1, null]);
    expect(stdout).toContain(
      `8x200ms-100KB round-1, imgproof: ${2 * QUICK_TASKS} calls for ${QUICK_TASKS} prompts were made for ${QUICK_TASKS} tasks`,
    );
    expect(stdout).toContain('round-1, loop: the command ended with 1, not with 0');
    expect(leftBehind).toEqual([]);
  }, 300_000);

  test.each([[['--slow']], [['--only', 'half']], [['--rounds', '0']]])(
    'refuses %j as usage (exit 2) before anything is started',
    async (args) => {
      const { code, stderr, results } = await bench(...args);
      expect([code, results]).toEqual([2, null]);
      expect(stderr).toContain('usage: npm run bench');
    },
  );
});

function expectFigures(run: RunFigures): void {
  expect(run).toMatchObject({ calls: QUICK_TASKS, brokenChecks: [] });
  expect(run.peakInFlight).toBeLessThanOrEqual(4);
  expect(run.makespanMs).toBeGreaterThan(0);
  expect(run.commandMs).toBeGreaterThan(run.makespanMs);
  const standing = run.runner === 'imgproof' ? ['server', 'supervisor', 'worker'] : [];
  expect(Object.keys(run.use).sort()).toEqual(['command', ...standing]);
  for (const { peakMemoryBytes } of Object.values(run.use))
    expect(peakMemoryBytes).toBeGreaterThan(10_000_000);
  expect(run.use['command']?.cpuSeconds).toBeGreaterThan(0);
}
