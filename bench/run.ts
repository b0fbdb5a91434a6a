/** One run: a provider of its own, one command, its figures, its checks. */
import { join } from 'node:path';
import { type CallRecord, peakInFlight } from '../test/support/provider-calls.ts';
import { brokenChecks } from './checks.ts';
import { meter, type ProcessUse } from './meter.ts';
import type { Workload } from './options.ts';
import { sizeFor } from './png.ts';
import { startProvider } from './provider-process.ts';
import type { Order, Runner, RunnerName } from './runner.ts';

export interface RunFigures {
  runner: RunnerName;
  label: string;
  /** When the command ended, ISO 8601. */
  endedAt: string;
  /** By the provider's log: first arrival to last answer. */
  makespanMs: number;
  /** The command, from its start to its end. */
  commandMs: number;
  beforeFirstCallMs: number;
  afterLastAnswerMs: number;
  calls: number;
  peakInFlight: number;
  /** By process: `command`, `worker`, `server`, `supervisor`. */
  use: Record<string, ProcessUse>;
  /** CPU used by anybody else meanwhile, as a share of two cores. */
  foreignShare: number;
  /** Sentences; empty when everything is as it has to be. */
  brokenChecks: string[];
}

export interface RunOrder {
  workload: Workload;
  prompt: string;
  /** For the provider's call log. */
  folder: string;
  label: string;
}

export async function measuredRun(
  runner: Runner,
  { workload, prompt, folder, label }: RunOrder,
): Promise<RunFigures> {
  const provider = await startProvider(workload, label, join(folder, `${label}.calls.jsonl`));
  try {
    const order: Order = {
      label,
      baseUrl: provider.baseUrl,
      size: sizeFor(workload.imageBytes),
      tasks: tasksOf(workload, `${prompt}${label}`),
    };
    const command = await runner.prepare(order);
    const standing = await runner.standing();
    const metered = await meter(command, { ...standing, provider: provider.pid });
    const calls = provider.calls();
    const delivered = runner.delivered(order, metered);
    const { provider: _, ...use } = metered.use;
    const evidence = { tasks: order.tasks, exitCode: metered.exitCode, calls, delivered };
    return {
      runner: runner.name,
      label,
      endedAt: new Date(metered.endedAtMs).toISOString(),
      ...timesOf(calls, metered),
      calls: calls.length,
      peakInFlight: peakInFlight(calls),
      use,
      foreignShare: metered.foreignShare,
      brokenChecks: withReason(await brokenChecks(evidence), metered.stderr),
    };
  } finally {
    await provider.stop();
  }
}

function tasksOf({ tasks }: Workload, prompt: string): Order['tasks'] {
  return Array.from({ length: tasks }, (_, i) => {
    const name = `image-${String(i + 1).padStart(3, '0')}`;
    return { name, prompt: `${prompt}, ${name}` };
  });
}

function timesOf(calls: readonly CallRecord[], command: { startedAtMs: number; endedAtMs: number }) {
  const { startedAtMs, endedAtMs } = command;
  const first = Math.min(...calls.map(({ arrived_at }) => Date.parse(arrived_at)));
  const last = Math.max(...calls.map(({ ended_at }) => (ended_at === null ? NaN : Date.parse(ended_at))));
  return {
    makespanMs: last - first,
    commandMs: endedAtMs - startedAtMs,
    beforeFirstCallMs: first - startedAtMs,
    afterLastAnswerMs: endedAtMs - last,
  };
}

/** What the command said last helps whoever reads that a check does not hold. */
function withReason(broken: string[], stderr: string): string[] {
  return broken.length === 0 ? [] : [...broken, `the command said last: ${stderr.trim().slice(-600)}`];
}
