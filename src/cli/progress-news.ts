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
      return before === undefined ? isNewsAtOnce(task) : state !== 'running';
    });
  }
}

function stateOf({ status, activity }: TaskView): string {
  switch (activity?.kind) {
    case 'request':
      return `request ${activity.attempt}`;
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

function isNewsAtOnce({ status, activity }: TaskView): boolean {
  if (status === 'running') return activity?.kind === 'request' || activity?.kind === 'wait';
  return status !== 'queued' && status !== 'completed';
}
