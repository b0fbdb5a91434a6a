import type { Admission } from '../domain/batch.ts';
import type { BatchProgress, TaskState } from '../domain/messages.ts';
import type { TaskRow } from '../domain/records.ts';
import { tally } from '../domain/status.ts';
import type { AdmittedTask } from '../domain/task.ts';

/** What a batch knows of its tasks; answers queries and holds the rows until they are recorded. */
export class TaskWindow {
  #phase: BatchProgress['phase'] = 'admitting';
  #admission: Admission | null = null;
  readonly #states = new Map<number, TaskState>();
  readonly #rows = new Map<number, TaskRow>();

  admit(admission: Admission): void {
    this.#admission = admission;
    this.#phase = 'running';
    for (const task of admission.tasks) {
      const { index, task_key, task_name } = task;
      this.#states.set(index, {
        index,
        task_key,
        task_name,
        status: 'queued',
        image_path: null,
        error: null,
      });
    }
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
        this.#setStatus(task.index, 'running');
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
      batch_dir: this.#admission?.batch_dir ?? null,
      total: this.#admission?.total ?? 0,
      counters: tally(tasks.map(({ status }) => status)),
      adopted: this.rows().filter(({ adopted_from }) => adopted_from !== undefined).length,
      warnings: this.#admission?.warnings ?? [],
      running: tasks
        .filter(({ status }) => status === 'running')
        .map(({ index, task_key, task_name }) => ({ index, task_key, task_name })),
    };
  }

  #setStatus(index: number, status: TaskState['status']): void {
    const state = this.#states.get(index);
    if (state !== undefined) state.status = status;
  }

  #end(row: TaskRow): void {
    const { index, task_key, task_name, status, image_path, error } = row;
    this.#rows.set(index, row);
    this.#states.set(index, { index, task_key, task_name, status, image_path, error });
  }
}
