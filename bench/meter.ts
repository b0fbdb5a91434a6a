/** Run a command to its end and say what it and the processes it works with have used. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  childrenCpuSeconds,
  cpuSeconds,
  forgetPeakMemory,
  machineCpuSeconds,
  peakMemoryBytes,
} from './proc.ts';
import { startNode } from './processes.ts';

export interface Command {
  args: string[];
  env: NodeJS.ProcessEnv;
  cwd: string;
}

export interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  startedAtMs: number;
  endedAtMs: number;
}

export interface ProcessUse {
  cpuSeconds: number;
  peakMemoryBytes: number;
}

export interface Metered extends Ended {
  /** `command`, and the standing processes by their names. */
  use: Record<string, ProcessUse>;
  /** CPU that none of these used, as a share of two cores. */
  foreignShare: number;
}

/** A program of Node, to its end. */
export function run({ args, env, cwd }: Command, onStart: (pid: number) => void = () => {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const startedAtMs = Date.now();
    const child = startNode(args, { env, cwd });
    child.stdin.end();
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (chunk: string) => (text[name] += chunk));
    child.once('spawn', () => onStart(child.pid as number));
    child.once('error', reject);
    child.once('close', (exitCode) => resolve({ exitCode, ...text, startedAtMs, endedAtMs: Date.now() }));
  });
}

/** `standing`: pids of processes that were there before and stay. No other child of ours may end meanwhile. */
export async function meter(command: Command, standing: Record<string, number>): Promise<Metered> {
  for (const pid of Object.values(standing)) forgetPeakMemory(pid);
  const before = clocks(standing);
  const watch = { pid: 0, peakMemoryBytes: 0, done: false };
  const watching = watchMemory(watch);
  const ended = await run(command, (pid) => (watch.pid = pid)).finally(() => (watch.done = true));
  const after = clocks(standing);
  await watching;
  const use: Metered['use'] = {
    command: { cpuSeconds: after.children - before.children, peakMemoryBytes: watch.peakMemoryBytes },
  };
  for (const [name, pid] of Object.entries(standing)) {
    use[name] = {
      cpuSeconds: (after.standing[name] ?? 0) - (before.standing[name] ?? 0),
      peakMemoryBytes: peakMemoryBytes(pid) ?? 0,
    };
  }
  const wallSeconds = (ended.endedAtMs - ended.startedAtMs) / 1000;
  const ours = Object.values(use).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const foreign = after.machine - before.machine - ours - (after.own - before.own);
  return { ...ended, use, foreignShare: Math.max(0, foreign / (2 * wallSeconds)) };
}

function clocks(standing: Record<string, number>) {
  const each = Object.entries(standing).map(([name, pid]) => {
    const seconds = cpuSeconds(pid);
    if (seconds === null)
      throw new Error(`${name} (pid ${pid}) has ended, and was to stay for the measurement`);
    return [name, seconds] as const;
  });
  const children = childrenCpuSeconds();
  return {
    machine: machineCpuSeconds(),
    own: (cpuSeconds(process.pid) ?? 0) - children,
    children,
    standing: Object.fromEntries(each),
  };
}

const MEMORY_POLL_MS = 20;

/** The kernel's own peak, read until the process is gone: what grew in its last 20 ms may be missed. */
async function watchMemory(watch: { pid: number; peakMemoryBytes: number; done: boolean }): Promise<void> {
  while (!watch.done) {
    if (watch.pid !== 0) watch.peakMemoryBytes = peakMemoryBytes(watch.pid) ?? watch.peakMemoryBytes;
    await sleep(MEMORY_POLL_MS);
  }
}
