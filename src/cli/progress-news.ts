/** What is new in a picture, told once: for the forms that print lines and never redraw. */
import type { TaskView, View } from './progress-view.ts';

export class News {
  readonly #told = new Map<number, string>();

  /** Tasks that stand elsewhere than when they were last asked for; at first sight only those that somebody has to know. */
  of({ tasks }: View): TaskView[] {
    return tasks.filter((task) => {
      const before = this.#told.get(task.index);
      const state = stateOf(task);
      if (state === before) return false;
      this.#told.set(task.index, state);
      if (before === undefined) return task.status !== 'queued' && task.status !== 'completed';
      // Between two attempts nothing is new but the attempts.
      return state !== 'running' || before === 'queued';
    });
  }
}

function stateOf({ status, activity }: TaskView): string {
  switch (activity?.kind) {
    case 'request':
      return activity.attempt > 1 ? `request ${activity.attempt}` : status;
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
