/** What is new in a picture, told once: for the forms that print lines and never redraw. */
import type { TaskView, View } from './progress-view.ts';

export class News {
  readonly #told = new Map<number, string>();
  readonly #tellsFirstRequest: boolean;

  /** `firstRequest`: a task that starts is one thing, that its request was sent another; people see one line for both. */
  constructor({ firstRequest }: { firstRequest: boolean }) {
    this.#tellsFirstRequest = firstRequest;
  }

  /** Tasks that stand elsewhere than when they were last asked for; at first sight only those that somebody has to know. */
  of({ tasks }: View): TaskView[] {
    return tasks.filter((task) => {
      const before = this.#told.get(task.index);
      const state = this.#stateOf(task);
      if (state === before) return false;
      // Between two attempts nothing is new but the attempts.
      if (state === 'running' && before !== undefined && before !== 'queued') return false;
      this.#told.set(task.index, state);
      return before !== undefined || (task.status !== 'queued' && task.status !== 'completed');
    });
  }

  #stateOf({ status, activity }: TaskView): string {
    switch (activity?.kind) {
      case 'request':
        return activity.attempt > 1 || this.#tellsFirstRequest ? `request ${activity.attempt}` : status;
      case 'wait':
        return `wait ${activity.attempt}`;
      case 'slot':
        return 'slot';
      case 'begun':
      case 'beside':
      case undefined:
        return status;
    }
  }
}
