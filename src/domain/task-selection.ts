/** Which tasks of a batch somebody means: by key, by name, by how they ended. */
import type { RetrySelection } from './messages.ts';
import { hasEnded, type TaskStatus } from './status.ts';

export interface NamedTask {
  index: number;
  task_key: string;
  task_name: string;
  status: TaskStatus;
}

/** The task, or why it can't be told. */
export type Found<Task> = { task: Task } | { problem: string };

const NAMED_KEYS = 5;

/** By key, or by a name that only one task has. */
export function findTask<Task extends NamedTask>(tasks: readonly Task[], named: string): Found<Task> {
  const byKey = tasks.find(({ task_key }) => task_key === named);
  if (byKey !== undefined) return { task: byKey };
  const byName = tasks.filter(({ task_name }) => task_name === named);
  const [task] = byName;
  if (task === undefined) return { problem: `no task of this batch has the key or the name "${named}"` };
  if (byName.length === 1) return { task };
  const keys = byName.slice(0, NAMED_KEYS).map(({ task_key }) => task_key);
  const more = byName.length > NAMED_KEYS ? ' …' : '';
  return {
    problem: `${byName.length} tasks have the name "${named}"; say which by its key: ${keys.join(', ')}${more}`,
  };
}

/** In file order; without a wish failed and timed out ones. What is named and can't run again is a problem. */
export function tasksToRetry<Task extends NamedTask>(
  tasks: readonly Task[],
  { failed, timed_out, tasks: named = [] }: RetrySelection,
): { tasks: Task[] } | { problem: string } {
  const isPlain = failed === undefined && timed_out === undefined && named.length === 0;
  const indexes = new Set<number>();
  for (const name of named) {
    const found = findTask(tasks, name);
    if ('problem' in found) return found;
    const problem = cantRepeat(found.task);
    if (problem !== null) return { problem };
    indexes.add(found.task.index);
  }
  const isMeant = ({ index, status }: Task) =>
    indexes.has(index) ||
    (status === 'failed' && (failed ?? isPlain)) ||
    (status === 'timed_out' && (timed_out ?? isPlain));
  return { tasks: tasks.filter(isMeant) };
}

function cantRepeat({ task_key, status }: NamedTask): string | null {
  if (!hasEnded(status)) return `task "${task_key}" has not ended: it is ${status}`;
  return status === 'completed' ? `task "${task_key}" is completed; there is nothing to repeat` : null;
}
