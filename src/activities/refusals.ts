import type { Refusal } from './admit-one.ts';

export interface Candidate {
  /** Null when it could not be read: such a task takes no key away from others. */
  key: string | null;
  /** What is wrong with it, for people; null when nothing is. */
  invalid: string | null;
}

/** What happens to tasks over the limit. */
export interface Overflow {
  limit: number;
  status: 'rejected' | 'discarded';
  reason: string;
}

/**
 * Who is turned away, in file order (SPEC B2, B3, B5): what is invalid; a key seen before, whatever becomes of the first
 * one; what is over the limit. The rest, null, runs. Nobody is dropped silently.
 */
export function refusalsOf(candidates: readonly Candidate[], overflow: Overflow): (Refusal | null)[] {
  const first = new Map<string, number>();
  let admitted = 0;
  return candidates.map(({ key, invalid }, i) => {
    const before = key === null ? undefined : first.get(key);
    if (key !== null && before === undefined) first.set(key, i + 1);
    if (invalid !== null) return { status: 'rejected', reason: invalid, category: 'invalid_task' };
    if (before !== undefined) {
      const reason = `task_key "${key}" is already used by task ${before}`;
      return { status: 'skipped', reason, category: 'duplicate_key' };
    }
    admitted += 1;
    if (admitted <= overflow.limit) return null;
    return { status: overflow.status, reason: overflow.reason, category: 'queue_rejected' };
  });
}
