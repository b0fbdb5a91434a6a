/**
 * How many times more processor time the work takes for eight times the size; the quickest of some runs, and not the
 * time that others had the processor. Linear work gives about 8, quadratic 64: ask for less than `QUADRATIC`.
 */
export function growth(
  [small, eightTimes]: readonly [small: number, eightTimes: number],
  work: (size: number) => void,
): number {
  return quickestUs(() => work(eightTimes)) / quickestUs(() => work(small));
}

/** Between the two, far from both. */
export const QUADRATIC = 32;

const RUNS = 5;

function quickestUs(work: () => void): number {
  const runs = Array.from({ length: RUNS }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return Math.max(1, Math.min(...runs));
}
