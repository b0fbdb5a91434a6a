import type { FailureReport } from '../domain/failure.ts';
import type { CancelMode, PausedState } from '../domain/messages.ts';
import type { BillingTally, TaskEnd } from '../domain/records.ts';
import type { TaskOrder } from '../domain/task.ts';

/** What a batch does with a task. None of these rejects: one failed task never stops the others (SPEC B4). */
export interface TaskWork {
  /** To its end. */
  run: (order: TaskOrder, stop: StopWish) => Promise<TaskEnd>;
  /** It never starts, or never again. `failure` null: a person cancelled it. */
  drop: (order: TaskOrder, failure: FailureReport | null) => Promise<TaskEnd>;
  /** Before it runs once more. `because`: unless a person ordered it anew. */
  reopen: (order: TaskOrder, because: string | null) => Promise<Reopened>;
}

/** What it cost so far, or why it can't run again. */
export type Reopened = { billing: BillingTally } | { problem: TaskEnd };

/** Told of changes that people can see. */
export interface WindowListener {
  changed: () => void;
  paused: (paused: PausedState | null) => void;
  /** So many tasks may run at a time from now on. */
  workers: (maxWorkers: number) => void;
}

/** Somebody's wish to stop one running task; `now` is stronger than `finish`. */
export class StopWish {
  #mode: CancelMode | null = null;
  #tell: ((mode: CancelMode) => void) | null = null;

  ask(mode: CancelMode): void {
    if (this.#mode === mode || this.#mode === 'now') return;
    this.#mode = mode;
    this.#tell?.(mode);
  }

  /** Who can stop the task; told at once of what was asked before. */
  listen(tell: (mode: CancelMode) => void): void {
    this.#tell = tell;
    if (this.#mode !== null) tell(this.#mode);
  }
}
