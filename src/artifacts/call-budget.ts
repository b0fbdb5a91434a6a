/** How many requests may still be sent for one image: within `max_attempts`, and as `on_unknown` has it (SPEC R1, R4). */
import { billingOf } from '../domain/failure.ts';
import type { AttemptRecord } from '../domain/records.ts';
import { type OnUnknown, TASK_LIMITS } from '../domain/task.ts';

export interface CallBudget {
  maxAttempts: number;
  onUnknown: OnUnknown;
  /** Requests of earlier generations of this task that count on: it was taken back, not ordered anew (SPEC R7). */
  earlier: readonly EndedAttempt[];
}

/** What counts of an attempt is how it ended; null while it is under way or answered. */
export interface EndedAttempt {
  end: Pick<AttemptRecord, 'category' | 'phase'> | null;
}

/** `on hold`: a request may have been paid, and nobody has looked yet. */
export type BudgetState = 'open' | 'used up' | 'on hold';

/** `attempts`: of this generation, oldest first. */
export function budgetOf(budget: CallBudget, attempts: readonly EndedAttempt[]): BudgetState {
  const all = [...budget.earlier, ...attempts];
  const counted = countedRequests(all);
  if (isUnknownFinal(budget.onUnknown, all)) return budget.onUnknown === 'hold' ? 'on hold' : 'used up';
  const isUsedUp = counted >= budget.maxAttempts || all.length - counted >= TASK_LIMITS.rateLimited;
  return isUsedUp ? 'used up' : 'open';
}

function isUnknownFinal(onUnknown: OnUnknown, attempts: readonly EndedAttempt[]): boolean {
  const first = attempts.findIndex(isUnknown);
  if (first === -1) return false;
  switch (onUnknown) {
    case 'retry':
      return false;
    case 'once':
      return countedRequests(attempts.slice(first + 1)) > 0;
    case 'hold':
      return true;
  }
}

/** It may have been paid, and brought nothing. */
function isUnknown({ end }: EndedAttempt): boolean {
  if (end === null || end.category === null) return false;
  return billingOf(end.category, end.phase) === 'possible';
}

/** Requests that count against `max_attempts`: a 429 is not billed and does not, nor what never went out (SPEC R1). */
function countedRequests(attempts: readonly EndedAttempt[]): number {
  return attempts.filter(({ end }) => end === null || !isFree(end)).length;
}

function isFree({ category, phase }: Pick<AttemptRecord, 'category' | 'phase'>): boolean {
  if (category === 'rate_limited' || category === 'disk') return true;
  // Its worker ended before the first byte. A connection that fails counts: it would fail for ever.
  return category === 'worker_died' && phase === 'connecting';
}
