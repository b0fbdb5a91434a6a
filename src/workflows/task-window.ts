import type { Admission } from '../domain/batch.ts';
import type { BatchProgress, TaskState } from '../domain/messages.ts';
import type { BillingTally, TaskEnd } from '../domain/records.ts';
import { tally } from '../domain/status.ts';
import type { TaskOrder, TaskTicket } from '../domain/task.ts';

/** What a batch knows of its tasks; answers queries and holds their ends until they are recorded. */
export class TaskWindow {
  #phase: BatchProgress['phase'] = 'admitting';
  #admission: Admission | null = null;
  readonly #startedAt = now();
  readonly #states = new Map<number, TaskState>();
  readonly #ends = new Map<number, TaskEnd>();

  admit(admission: Admission): void {
    this.#admission = admission;
    this.#phase = 'running';
    for (const task of admission.tasks) this.#states.set(task.index, queuedState(task));
    for (const end of admission.ended) this.#end(end);
  }

  /**
   * Run the admitted tasks in file order, exactly `maxWorkers` at a time: no look-ahead, so that the promise of SPEC B1
   * holds for fewer workers and several hosts too. `run` must not reject: one failed task never stops the others (B4).
   */
  async run(run: (task: TaskOrder) => Promise<TaskEnd>): Promise<void> {
    const { tasks, batch_dir, max_workers } = this.#admission ?? { tasks: [], batch_dir: '', max_workers: 0 };
    const waiting = tasks.filter(({ index }) => !this.#ends.has(index));
    const lane = async (): Promise<void> => {
      for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
        this.#start(task.index);
        this.#end(await run({ batch_dir, ...task }));
      }
    };
    await Promise.all(Array.from({ length: Math.min(max_workers, waiting.length) }, lane));
    this.#phase = 'recording';
  }

  done(): void {
    this.#phase = 'done';
  }

  ends(): TaskEnd[] {
    return [...this.#ends.values()].sort((a, b) => a.index - b.index);
  }

  tasks(): TaskState[] {
    return [...this.#states.values()].sort((a, b) => a.index - b.index);
  }

  progress(): BatchProgress {
    const tasks = this.tasks();
    return {
      phase: this.#phase,
      started_at: this.#startedAt,
      batch_dir: this.#admission?.batch_dir ?? null,
      total: this.#admission?.total ?? 0,
      max_workers: this.#admission?.max_workers ?? 0,
      counters: tally(tasks.map(({ status }) => status)),
      adopted: tasks.filter(({ adopted }) => adopted).length,
      warnings: this.#admission?.warnings ?? [],
      running: tasks
        .filter(({ status }) => status === 'running')
        .map(({ index, task_key, task_name }) => ({ index, task_key, task_name })),
    };
  }

  #start(index: number): void {
    const state = this.#states.get(index);
    if (state !== undefined) this.#states.set(index, { ...state, status: 'running', started_at: now() });
  }

  #end(end: TaskEnd): void {
    const state = this.#states.get(end.index);
    this.#ends.set(end.index, end);
    if (state !== undefined) this.#states.set(end.index, endState(state, end));
  }
}

function queuedState({ index, task_key, task_name, mode, references }: TaskTicket): TaskState {
  return {
    index,
    task_key,
    task_name,
    mode,
    references,
    status: 'queued',
    adopted: false,
    started_at: null,
    ended_at: null,
    image_path: null,
    bytes: null,
    billing: NOTHING,
    error: null,
  };
}

function endState(state: TaskState, end: TaskEnd): TaskState {
  const { status, image_path, bytes, billing, error } = end;
  const adopted = end.adopted_from !== undefined;
  return {
    ...state,
    status,
    adopted,
    ended_at: state.started_at === null ? null : now(),
    image_path,
    bytes,
    billing: adopted ? NOTHING : billing,
    error,
  };
}

const NOTHING: BillingTally = { no: 0, possible: 0, yes: 0 };

/** Temporal's clock: the same in every replay. */
function now(): string {
  return new Date().toISOString();
}
