/** How long a worker takes until it polls: from the prebuilt workflow bundle, and bundling at start. */
import { once } from 'node:events';
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Command } from '../meter.ts';
import { peakMemoryBytes } from '../proc.ts';
import { startNode } from '../processes.ts';
import type { Stack } from '../stack.ts';
import { median } from '../stats.ts';

export interface WorkerReadyFigures {
  prebuiltMs: number;
  bundlingMs: number;
  /** Median of the ratios of each pair. */
  ratio: number;
  prebuiltPeakBytes: number;
  bundlingPeakBytes: number;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUNDLING_WORKER = join(ROOT, 'bench', 'bundling-worker.mjs');

interface Ready {
  readyMs: number;
  peakBytes: number;
}

/** Both work for the running server; neither is the worker of its stack. */
export async function workerReadyFigures(stack: Stack, pairs: number): Promise<WorkerReadyFigures> {
  const { address } = await stack.running();
  const prebuilt = stack.command(['worker', '--address', address]);
  const copy = await copyOfPackage();
  try {
    const bundling = { ...prebuilt, args: [BUNDLING_WORKER, copy, address] };
    const [prebuilts, bundlings]: [Ready[], Ready[]] = [[], []];
    for (let pair = 0; pair < pairs; pair += 1) {
      prebuilts.push(await untilReady(prebuilt));
      bundlings.push(await untilReady(bundling));
    }
    return {
      prebuiltMs: median(prebuilts.map(({ readyMs }) => readyMs)),
      bundlingMs: median(bundlings.map(({ readyMs }) => readyMs)),
      ratio: median(prebuilts.map(({ readyMs }, i) => readyMs / (bundlings[i] as Ready).readyMs)),
      prebuiltPeakBytes: median(prebuilts.map(({ peakBytes }) => peakBytes)),
      bundlingPeakBytes: median(bundlings.map(({ peakBytes }) => peakBytes)),
    };
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Below our own folder, so that it finds our node_modules; what it bundles never touches `dist`. */
async function copyOfPackage(): Promise<string> {
  const copy = join(ROOT, '.cache', `bench-${process.pid}`);
  await mkdir(copy, { recursive: true });
  for (const name of ['package.json', 'dist'])
    await cp(join(ROOT, name), join(copy, name), { recursive: true });
  await rm(join(copy, 'dist', 'workflow-bundle.js'));
  return copy;
}

async function untilReady({ args, env, cwd }: Command): Promise<Ready> {
  const startedAt = performance.now();
  const child = startNode(args, { env, cwd });
  child.stderr.pipe(process.stderr);
  const ended = once(child, 'close');
  let ready: Ready | null = null;
  for await (const line of createInterface(child.stdout)) {
    if (ready !== null || !line.includes('worker polls')) continue;
    ready = {
      readyMs: performance.now() - startedAt,
      peakBytes: peakMemoryBytes(child.pid as number) ?? 0,
    };
    // Drains, so that the server knows at once that it is gone.
    child.kill('SIGTERM');
  }
  const [code] = (await ended) as [number | null];
  if (ready === null || code !== 0) throw new Error(`the worker ${args.join(' ')} ended with ${code}`);
  return ready;
}
