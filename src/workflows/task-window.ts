import type { Admission } from '../domain/batch.ts';
import type { BatchProgress, TaskState } from '../domain/messages.ts';
import type { BillingTally, TaskRow } from '../domain/records.ts';
import { tally } from '../domain/status.ts';
import type { AdmittedTask } from '../domain/task.ts';

/** What a batch knows of its tasks; answers queries and holds the rows until they are recorded. */
export class TaskWindow {
  #phase: BatchProgress['phase'] = 'admitting';
  #admission: Admission | null = null;
  readonly #startedAt = now();
  readonly #states = new Map<number, TaskState>();
  readonly #rows = new Map<number, TaskRow>();

  admit(admission: Admission): void {
    this.#admission = admission;
    this.#phase = 'running';
    for (const task of admission.tasks) this.#states.set(task.index, queuedState(task));
    for (const row of admission.rows) this.#end(row);
  }

  /**
   * Run the admitted tasks in file order, exactly `maxWorkers` at a time: no look-ahead, so that the promise of SPEC B1
   * holds for fewer workers and several hosts too. `run` must not reject: one failed task never stops the others (B4).
   */
  async run(run: (task: AdmittedTask) => Promise<TaskRow>): Promise<void> {
    const { tasks, max_workers } = this.#admission ?? { tasks: [], max_workers: 0 };
    const waiting = [...tasks];
    const lane = async (): Promise<void> => {
      for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
        this.#start(task.index);
        this.#end(await run(task));
      }
    };
    await Promise.all(Array.from({ length: Math.min(max_workers, tasks.length) }, lane));
    this.#phase = 'recording';
  }

  done(): void {
    this.#phase = 'done';
  }

  rows(): TaskRow[] {
    return [...this.#rows.values()].sort((a, b) => a.index - b.index);
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

  #end(row: TaskRow): void {
    const started_at = this.#states.get(row.index)?.started_at ?? null;
    this.#rows.set(row.index, row);
    this.#states.set(row.index, endState(row, started_at));
  }
}

function queuedState({ index, task_key, task_name, mode, input_images }: AdmittedTask): TaskState {
  return {
    index,
    task_key,
    task_name,
    mode,
    references: input_images.length,
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

function endState(row: TaskRow, started_at: string | null): TaskState {
  const { index, task_key, task_name, mode, status, image_path, bytes, error } = row;
  const adopted = row.adopted_from !== undefined;
  return {
    index,
    task_key,
    task_name,
    mode,
    references: row.input_images.length,
    status,
    adopted,
    started_at,
    ended_at: started_at === null ? null : now(),
    image_path,
    bytes,
    billing: adopted ? NOTHING : row.billing,
    error,
  };
}

const NOTHING: BillingTally = { no: 0, possible: 0, yes: 0 };

/** Temporal's clock: the same in every replay. */
function now(): string {
  return new Date().toISOString();
}
