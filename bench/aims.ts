/** The aims of this product for its own speed. They are told, never enforced: time depends on the machine. */
import type { BenchResults } from './results.ts';

export interface Aim {
  what: string;
  atMost: number;
  digits: number;
  /** Null: not measured in this run. */
  measured: number | null;
}

export type Verdict = 'met' | 'NOT MET' | 'not measured';

export function aimsOf({ startup, workloads }: BenchResults): Aim[] {
  const atOneSecond = workloads.find(({ latencyMs }) => latencyMs >= 1_000);
  const history = (atOneSecond ?? workloads[0])?.history.parentPerTask;
  return [
    aim('makespan at 1 s, times the bare loop', 1.25, 2, atOneSecond?.ratio),
    aim('events of the parent per task', 11, 1, history?.events),
    aim('KB of the parent per task', 3, 1, history && history.bytes / 1000),
    aim('--help, times node -e ""', 1.5, 2, startup?.help.ratio),
    aim('worker ready, times bundling at start', 0.6, 2, startup?.workerReady.ratio),
  ];
}

export function verdictOf({ measured, atMost }: Aim): Verdict {
  if (measured === null) return 'not measured';
  return measured <= atMost ? 'met' : 'NOT MET';
}

function aim(what: string, atMost: number, digits: number, measured: number | undefined): Aim {
  return { what, atMost, digits, measured: measured ?? null };
}
