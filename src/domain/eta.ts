/** How long a batch will still take: a range, never a promise (SPEC C4; `reference/ux.md` 2). */

/** Fewer finished tasks say nothing about the others. */
const FEWEST_FINISHED = 3;

export interface TimeLeft {
  fromMs: number;
  toMs: number;
}

export interface BatchPace {
  /** What each task took that this batch ran to its end, waits included, in milliseconds. */
  durationsMs: readonly number[];
  /** Tasks that have not ended: queued and running ones. */
  left: number;
  maxWorkers: number;
}

/**
 * The tasks left need ⌈left / maxWorkers⌉ rounds; a round takes from the median to the 90th percentile of what tasks of
 * this batch took. Null while fewer than 3 have finished, and when none is left.
 */
export function timeLeft({ durationsMs, left, maxWorkers }: BatchPace): TimeLeft | null {
  if (durationsMs.length < FEWEST_FINISHED || left <= 0) return null;
  const rounds = Math.ceil(left / Math.max(1, maxWorkers));
  const sorted = [...durationsMs].sort((a, b) => a - b);
  return { fromMs: rounds * percentile(sorted, 50), toMs: rounds * percentile(sorted, 90) };
}

/** Nearest rank: always one of the values. */
function percentile(sorted: readonly number[], percent: number): number {
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(1, rank) - 1] ?? 0;
}
