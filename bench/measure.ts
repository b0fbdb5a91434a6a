/** The whole measurement, in folders of its own that are gone afterwards, like every process that was started. */
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { historyFigures } from './history.ts';
import { imgproofRunner } from './imgproof-runner.ts';
import { loopRunner } from './loop-runner.ts';
import { machineFacts } from './machine.ts';
import type { Options, Workload } from './options.ts';
import { endProcesses } from './processes.ts';
import { roundLine } from './report.ts';
import type { BenchResults, StartupFigures, WorkloadFigures } from './results.ts';
import { playRounds, type Round, workloadName } from './rounds.ts';
import { measuredRun } from './run.ts';
import { openStack, type Stack } from './stack.ts';
import { coldStartFigures } from './startup/cold-start.ts';
import { helpFigures } from './startup/help.ts';
import { workerReadyFigures } from './startup/worker-ready.ts';
import { median } from './stats.ts';

interface Bench {
  options: Options;
  folder: string;
  stack: Stack;
  brokenChecks: string[];
  /** Hears of every step. */
  tell: (line: string) => void;
}

const EXIT_INTERRUPTED = 130;

export async function measureAll(options: Options, tell: Bench['tell']): Promise<BenchResults> {
  const parent = resolve(options.folder ?? tmpdir());
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'imgproof-bench-'));
  const stack = await openStack(folder);
  // Nothing may go on while we leave: hence without a single await.
  const cleanUp = () => {
    endProcesses();
    stack.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const leave = () => {
    cleanUp();
    process.exit(EXIT_INTERRUPTED);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, leave);
  try {
    return await measure({ options, folder, stack, brokenChecks: [], tell });
  } finally {
    cleanUp();
  }
}

async function measure(bench: Bench): Promise<BenchResults> {
  const { options, folder, stack, brokenChecks } = bench;
  const machine = await machineFacts(stack, folder);
  const at = new Date().toISOString();
  const startup = options.parts.includes('startup') ? await measureStart(bench) : null;
  const workloads: WorkloadFigures[] = [];
  if (options.parts.includes('workloads')) {
    await stack.imgproof(['up']);
    for (const workload of options.workloads) workloads.push(await measureWorkload(bench, workload));
  }
  return { schema_version: 1, at, machine, startup, workloads, brokenChecks };
}

async function measureStart(bench: Bench): Promise<StartupFigures> {
  const { options, folder, stack, brokenChecks, tell } = bench;
  const { helps, starts, prompt } = options;
  tell('--help');
  const help = await helpFigures(stack, helps);
  tell('first call from nothing');
  const coldStart = await coldStartFigures(stack, starts, { folder, prompt });
  brokenChecks.push(...coldStart.brokenChecks.map((problem) => `first call from nothing: ${problem}`));
  tell('worker ready');
  return { help, coldStart, workerReady: await workerReadyFigures(stack, starts) };
}

async function measureWorkload(bench: Bench, workload: Workload): Promise<WorkloadFigures> {
  const { options, folder, stack, brokenChecks, tell } = bench;
  const { prompt } = options;
  const name = workloadName(workload);
  const onRound = (round: string, played: Round) => {
    tell(`  ${round}: ${roundLine(played)}`);
    for (const { runner, brokenChecks: broken } of Object.values(played.figures))
      brokenChecks.push(...broken.map((problem) => `${name} ${round}, ${runner}: ${problem}`));
  };
  tell(name);
  const played = await playRounds(
    { loop: loopRunner(folder), imgproof: imgproofRunner(stack) },
    options,
    (runner, round) => measuredRun(runner, { workload, prompt, folder, label: `${name}-${round}` }),
    onRound,
  );
  const last = played.counted.at(-1)?.figures.imgproof;
  const history = await historyFigures(stack, last?.label ?? '', workload.tasks);
  return {
    ...workload,
    ...played,
    name,
    ratio: median(played.counted.map(({ ratio }) => ratio)),
    history,
    afterBatchEndMs: Date.parse(last?.endedAt ?? '') - Date.parse(history.closedAt),
  };
}
