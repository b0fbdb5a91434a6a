/**
 * `npm run soak:memory`: one worker through many batches of large images (docs/performance.md). What it keeps (memory, open
 * files, temporary files) is told batch by batch. Exit 1 when a call or a file is not as it has to be, when a temporary
 * file stays, or when open files pile up; never because of memory, which depends on the machine.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { imgproofRunner } from './imgproof-runner.ts';
import { openFileCount, residentBytes } from './proc.ts';
import { endProcesses } from './processes.ts';
import { measuredRun } from './run.ts';
import { openStack } from './stack.ts';
import { slope } from './stats.ts';

interface Sample {
  tasks: number;
  residentMB: number;
  peakMB: number;
  openFiles: number;
}

const BATCH_TASKS = 100;
const IMAGE_BYTES = 3_000_000;
const LATENCY_MS = 50;
/** A connection or a log that is just being opened. */
const OPEN_FILES_MARGIN = 10;

const { values } = parseArgs({ options: { tasks: { type: 'string', default: '2000' } } });
const folder = mkdtempSync(join(tmpdir(), 'imgproof-soak-'));
const stack = await openStack(folder);
try {
  process.exitCode = await soak(Math.max(1, Math.round(Number(values.tasks) / BATCH_TASKS)));
} finally {
  endProcesses();
  stack.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function soak(batches: number): Promise<number> {
  await stack.imgproof(['up']);
  const { worker } = (await stack.running()).pids;
  const samples: Sample[] = [];
  const problems: string[] = [];
  console.log('  tasks   resident       peak   open files   of the worker');
  for (let n = 1; n <= batches; n += 1) {
    const { sample, brokenChecks } = await playBatch(n, worker);
    samples.push(sample);
    problems.push(...brokenChecks);
    console.log(rowOf(sample));
  }
  problems.push(...leftovers(), ...openFilesProblems(samples));
  console.log(conclusionOf(samples));
  for (const problem of problems) console.log(`FAILED ${problem}`);
  console.log(
    problems.length === 0 ? 'ok     one call and one proven image a task' : `${problems.length} failed`,
  );
  return problems.length === 0 ? 0 : 1;
}

async function playBatch(n: number, worker: number) {
  const workload = { tasks: BATCH_TASKS, latencyMs: LATENCY_MS, imageBytes: IMAGE_BYTES };
  const runner = imgproofRunner(stack);
  const run = await measuredRun(runner, { workload, prompt: 'soak ', folder, label: `soak-${n}` });
  const sample: Sample = {
    tasks: n * BATCH_TASKS,
    residentMB: megabytes(residentBytes(worker) ?? NaN),
    peakMB: megabytes(run.use['worker']?.peakMemoryBytes ?? NaN),
    openFiles: openFileCount(worker) ?? NaN,
  };
  return { sample, brokenChecks: run.brokenChecks };
}

/** Of atomic writes that were never finished: `<name>.<12 hex digits>.tmp`. */
function leftovers(): string[] {
  const places = [stack.outputDir, join(folder, 'home')];
  const files = places.flatMap((place) => readdirSync(place, { recursive: true, encoding: 'utf8' }));
  return files.filter((path) => path.endsWith('.tmp')).map((path) => `temporary file left: ${path}`);
}

function openFilesProblems(samples: readonly Sample[]): string[] {
  const [first = NaN, last = NaN] = [samples[0]?.openFiles, samples.at(-1)?.openFiles];
  return last - first <= OPEN_FILES_MARGIN ? [] : [`open files grew from ${first} to ${last}`];
}

/** The first half of a run is the allocator's warm-up. */
function conclusionOf(samples: readonly Sample[]): string {
  const late = samples.slice(Math.floor(samples.length / 2));
  const mbPerTask = slope(late.map(({ tasks, residentMB }) => [tasks, residentMB]));
  return `resident memory in the second half: ${(mbPerTask * 1000).toFixed(1)} MB per 1,000 tasks`;
}

function rowOf({ tasks, residentMB, peakMB, openFiles }: Sample): string {
  return `${String(tasks).padStart(7)}${mb(residentMB)}${mb(peakMB)}${String(openFiles).padStart(13)}`;
}

function mb(value: number): string {
  return `${Math.round(value)} MB`.padStart(11);
}

function megabytes(bytes: number): number {
  return bytes / 1_000_000;
}
