/** The figures as a person reads them. */
import { aimsOf, verdictOf } from './aims.ts';
import type { Machine } from './machine.ts';
import type { BenchResults, StartupFigures, WorkloadFigures } from './results.ts';
import type { Round } from './rounds.ts';
import type { RunFigures } from './run.ts';
import type { RunnerName } from './runner.ts';
import { median } from './stats.ts';

export function reportLines(results: BenchResults): string[] {
  const { machine, startup, workloads, brokenChecks } = results;
  return [
    ...machineLines(machine),
    ...(startup === null ? [] : startupLines(startup)),
    ...workloads.flatMap(workloadLines),
    ...aimLines(results),
    '',
    ...brokenChecks.map((problem) => `FAILED ${problem}`),
    brokenChecks.length === 0
      ? 'ok     every call, every file and the limit of 4 in flight were as they have to be'
      : `${brokenChecks.length} checks failed: the figures above mean nothing`,
  ];
}

/** One line while it is being measured. */
export function roundLine({ figures, ratio, disturbed }: Round): string {
  const { loop, imgproof } = figures;
  const share = Math.max(loop.foreignShare, imgproof.foreignShare);
  const note = disturbed ? `  disturbed: others used ${percent(share)} of two cores` : '';
  return `loop ${seconds(loop.makespanMs)}, imgproof ${seconds(imgproof.makespanMs)}, ${times(ratio)}${note}`;
}

function machineLines({ cpu, cores, memoryBytes, node, temporal, ...rest }: Machine): string[] {
  const { fileSystem, fsyncMs, loadAverage, commit } = rest;
  return [
    '',
    `${cores} cores of ${cpu}, ${gigabytes(memoryBytes)}, ${fileSystem} (fsync ${fsyncMs.toFixed(1)} ms), load ${loadAverage.toFixed(1)}`,
    `Node ${node}, ${temporal}, commit ${commit ?? 'unknown'}`,
  ];
}

function startupLines({ help, coldStart, workerReady }: StartupFigures): string[] {
  const { prebuiltPeakBytes, bundlingPeakBytes } = workerReady;
  return [
    '',
    'start',
    row(
      'imgproof --help',
      ms(help.helpMs),
      `node -e "" ${ms(help.nodeMs)}, ${times(help.ratio)}, CPU ${times(help.cpuRatio)}`,
    ),
    row('first call from nothing', seconds(coldStart.firstCallMs), coldStart.each.map(seconds).join(', ')),
    row('worker ready, prebuilt', seconds(workerReady.prebuiltMs), megabytes(prebuiltPeakBytes)),
    row(
      'worker ready, bundling',
      seconds(workerReady.bundlingMs),
      `${megabytes(bundlingPeakBytes)}, ${times(workerReady.ratio)}`,
    ),
  ];
}

function workloadLines(workload: WorkloadFigures): string[] {
  const { tasks, latencyMs, imageBytes, counted, ratio, history, afterBatchEndMs } = workload;
  const { parentPerTask, child } = history;
  const both = (show: (run: RunFigures) => number, text: (value: number) => string) =>
    [medianOf(counted, 'loop', show), medianOf(counted, 'imgproof', show)].map(text) as [string, string];
  const ratios = counted.map((round) => `${round.ratio.toFixed(2)}${round.disturbed ? '*' : ''}`).join(', ');
  return [
    '',
    `${tasks} tasks at ${latencyMs} ms, ${Math.round(imageBytes / 1000)} KB (ideal ${seconds(Math.ceil(tasks / 4) * latencyMs)}); medians of ${counted.length}`,
    row('', 'bare loop', 'imgproof'),
    row('makespan', ...both(({ makespanMs }) => makespanMs, seconds), `${times(ratio)} (${ratios})`),
    row('command', ...both(({ commandMs }) => commandMs, seconds)),
    row('  before the first call', ...both(({ beforeFirstCallMs }) => beforeFirstCallMs, ms)),
    row('  after the last answer', ...both(({ afterLastAnswerMs }) => afterLastAnswerMs, ms)),
    row('    after the end of the batch', '', ms(afterBatchEndMs)),
    ...cpuRows(workload),
    ...memoryRows(counted),
    row('calls', ...both(({ calls }) => calls, String)),
    row('most in flight', ...both(({ peakInFlight }) => peakInFlight, String)),
    row(
      'history per task',
      '',
      `parent ${parentPerTask.events.toFixed(1)} events, ${kilobytes(parentPerTask.bytes)}`,
    ),
    row('', '', `child ${child.events} events, ${kilobytes(child.bytes)}`),
    ...(counted.some(({ disturbed }) => disturbed) ? ['  * disturbed by other work on this machine'] : []),
  ];
}

function cpuRows({ counted, tasks }: WorkloadFigures): string[] {
  return processes(counted).map((name) =>
    row(
      name === 'command' ? 'CPU per task: command' : `  ${name}`,
      ...useOf(counted, name, ({ cpuSeconds }) => ms((cpuSeconds * 1000) / tasks)),
    ),
  );
}

function memoryRows(counted: readonly Round[]): string[] {
  return processes(counted).map((name) =>
    row(
      name === 'command' ? 'peak memory: command' : `  ${name}`,
      ...useOf(counted, name, ({ peakMemoryBytes }) => megabytes(peakMemoryBytes)),
    ),
  );
}

function aimLines(results: BenchResults): string[] {
  const lines = aimsOf(results).map((aim) => {
    const value = aim.measured === null ? '–' : aim.measured.toFixed(aim.digits);
    return row(aim.what, value, `at most ${aim.atMost}: ${verdictOf(aim)}`);
  });
  return ['', 'aims', ...lines];
}

/** The command first, then who stands behind imgproof. */
function processes(rounds: readonly Round[]): string[] {
  return Object.keys(rounds[0]?.figures.imgproof.use ?? {});
}

type Use = RunFigures['use'][string];

/** A process the loop does not have is left out there. */
function useOf(rounds: readonly Round[], name: string, text: (use: Use) => string): [string, string] {
  const of = (runner: RunnerName) => {
    const uses = rounds.map(({ figures }) => figures[runner].use[name]).filter((use) => use !== undefined);
    if (uses.length === 0) return '';
    const cpuSeconds = median(uses.map((use) => use.cpuSeconds));
    return text({ cpuSeconds, peakMemoryBytes: median(uses.map((use) => use.peakMemoryBytes)) });
  };
  return [of('loop'), of('imgproof')];
}

function medianOf(rounds: readonly Round[], runner: RunnerName, show: (run: RunFigures) => number): number {
  return median(rounds.map(({ figures }) => show(figures[runner])));
}

function row(name: string, ...cells: string[]): string {
  return `  ${name.padEnd(38)}${cells.map((cell) => cell.padEnd(12)).join('  ')}`.trimEnd();
}

const seconds = (value: number) => `${(value / 1000).toFixed(2)} s`;
const ms = (value: number) => `${value.toFixed(0)} ms`;
const times = (value: number) => `${value.toFixed(2)} ×`;
const percent = (share: number) => `${Math.round(share * 100)} %`;
const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(1)} KB`;
const megabytes = (bytes: number) => `${Math.round(bytes / 1_000_000)} MB`;
const gigabytes = (bytes: number) => `${Math.round(bytes / 1_000_000_000)} GB`;
