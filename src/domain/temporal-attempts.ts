/**
 * How many attempts Temporal makes of one paid call (SPEC R1). Those that only waited, for the provider or for a disk, are not
 * counted: a long storm of refusals must neither fail a task nor use up what an answer in the spool needs to be adopted. Pure.
 */
import type { AttemptHeartbeat } from './messages.ts';

/** Beyond `max_attempts`, so that an answer in the spool always finds one that adopts it. */
export const ADOPTING_ATTEMPTS = 40;

/**
 * Temporal's own bound, waits included: at 30 s and more each, a storm of days. The activity's own (`attemptsLeft`) comes long
 * before, so this one is for attempts that never come as far as its code.
 */
export const TEMPORAL_ATTEMPTS = 10_000;

/** Attempts that may follow this one; below 0: this one is one too many. `told`: the last sign of life before it. */
export function attemptsLeft(
  temporalAttempt: number,
  maxAttempts: number,
  told: Partial<AttemptHeartbeat> | undefined,
): number {
  return maxAttempts + ADOPTING_ATTEMPTS - (temporalAttempt - waitedBefore(temporalAttempt, told));
}

/** Earlier attempts that only waited. */
export function waitedBefore(temporalAttempt: number, told: Partial<AttemptHeartbeat> | undefined): number {
  return Math.min(temporalAttempt - 1, told?.waited_attempts ?? 0);
}
