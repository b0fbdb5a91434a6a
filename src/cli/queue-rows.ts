import type { QueueRow } from '../domain/queue.ts';

/** By task id, else by key: of equal keys the one that was accepted, which is the first. */
export function findQueueRow(rows: readonly QueueRow[], named: string): QueueRow | null {
  const byKey = rows.filter(({ task_key }) => task_key === named);
  return (
    rows.find(({ task_id }) => task_id === named) ??
    byKey.find(({ accepted }) => accepted) ??
    byKey[0] ??
    null
  );
}
