/** Everything that was measured, as `--json` keeps it. Times in milliseconds, sizes in bytes. */
import type { HistoryFigures } from './history.ts';
import type { Machine } from './machine.ts';
import type { Workload } from './options.ts';
import type { PlayedRounds } from './rounds.ts';
import type { ColdStartFigures } from './startup/cold-start.ts';
import type { HelpFigures } from './startup/help.ts';
import type { WorkerReadyFigures } from './startup/worker-ready.ts';

export interface StartupFigures {
  help: HelpFigures;
  coldStart: ColdStartFigures;
  workerReady: WorkerReadyFigures;
}

export interface WorkloadFigures extends Workload, PlayedRounds {
  name: string;
  /** Median of the ratios of the counted rounds. */
  ratio: number;
  /** Of the last counted round, like the next. */
  history: HistoryFigures;
  /** From the end of the batch's workflow to the end of the command that waited for it. */
  afterBatchEndMs: number;
}

export interface BenchResults {
  schema_version: 1;
  at: string;
  machine: Machine;
  /** Null when it was not asked for. */
  startup: StartupFigures | null;
  workloads: WorkloadFigures[];
  brokenChecks: string[];
}
