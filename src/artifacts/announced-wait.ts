/** What is left of the wait that a request ended with (SPEC R3), whatever was done to the clock meanwhile. */
import type { AttemptRecord } from '../domain/records.ts';

interface Begun {
  /** Milliseconds of the whole wait. */
  wholeMs: number;
  /** By a clock that nobody sets. */
  atMs: number;
}

/** Waits that began in this process. The oldest are forgotten first: then the times in the record have to do. */
const begun = new Map<string, Begun>();
const BEGUN_MAX = 10_000;

/** To be told when the end is recorded. `nowMs`: by the clock of `next_attempt_at`. */
export function beginWait(record: AttemptRecord, nowMs: number): void {
  if (record.next_attempt_at === null) return;
  const wholeMs = Date.parse(record.next_attempt_at) - nowMs;
  begun.set(keyOf(record), { wholeMs, atMs: performance.now() });
  const [oldest] = begun.keys();
  if (begun.size > BEGUN_MAX && oldest !== undefined) begun.delete(oldest);
}

/**
 * Milliseconds; 0 when it is over. Never more than the wait was in all, less what this process knows to have passed.
 * `isWaitedOut`: Temporal has waited as long as the last attempt asked it to.
 */
export function waitLeftMs(
  record: AttemptRecord,
  { nowMs, isWaitedOut }: { nowMs: number; isWaitedOut: boolean },
): number {
  if (record.next_attempt_at === null) return 0;
  const nextMs = Date.parse(record.next_attempt_at);
  const leftMs = Math.max(0, nextMs - nowMs);
  const known = begun.get(keyOf(record));
  if (known !== undefined)
    return Math.max(0, Math.min(leftMs, known.wholeMs - (performance.now() - known.atMs)));
  const wholeMs = record.ended_at === null ? 0 : nextMs - Date.parse(record.ended_at);
  if (leftMs <= wholeMs) return leftMs;
  // The clock is before the end that it wrote down: it was set back, and says nothing of what has passed.
  return isWaitedOut ? 0 : wholeMs;
}

function keyOf({ generation_id, run_id, attempt, next_attempt_at }: AttemptRecord): string {
  return `${generation_id} ${run_id} ${attempt} ${next_attempt_at}`;
}
