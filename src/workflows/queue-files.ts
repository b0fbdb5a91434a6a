import { CancellationScope } from '@temporalio/workflow';
import { noteWorkers } from './activities.ts';
import type { TaskWindow } from './task-window.ts';

/** What a batch tells a queue's files beside its tasks (SPEC F4). They are projections: none of it stops or fails a task. */
export class QueueFiles {
  #told: Promise<void> = Promise.resolve();

  /** One after another: the last word of a person is the last one in the file. */
  noteWorkers({ book }: TaskWindow, max_workers: number): void {
    const { batch_dir, is_queue } = book.admission ?? {};
    // Histories from before this was told have no queue's admission that says it is one.
    if (batch_dir === undefined || is_queue === undefined) return;
    const tell = () => CancellationScope.nonCancellable(() => noteWorkers({ batch_dir, max_workers }));
    this.#told = this.#told.then(tell).catch(() => undefined);
  }

  /** Until nothing is under way: to be awaited before the last words of the batch. */
  told(): Promise<void> {
    return this.#told;
  }
}
