import { expect } from 'vitest';
import { endAt, type Point, type Verdict } from './sweep.ts';

/** As many processes at a time as a small machine has cores. */
const AT_ONCE = 2;

/** Plays every point, prints what came of them, and fails with all that did not hold. */
export async function tellAndSweep(points: readonly Point[], title = `${points.length}`): Promise<void> {
  const left = [...points];
  const verdicts: Verdict[] = [];
  const play = async () => {
    for (let point = left.shift(); point !== undefined; point = left.shift())
      verdicts.push(await endAt(point));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, play));
  const problems = verdicts.flatMap(({ problem }) => problem ?? []);
  const sum = (of: (verdict: Verdict) => number) => verdicts.reduce((total, one) => total + of(one), 0);
  const missed = verdicts.filter(({ isMissed }) => isMissed).length;
  const further = sum(({ furtherCalls }) => furtherCalls);
  const temporary = sum(({ temporaryFiles }) => temporaryFiles);
  process.stdout.write(
    `${title} crash points: ${problems.length} did not hold, ${missed} were not met; ${further} requests were in flight, each listed as possible; ${temporary} temporary files left\n`,
  );
  expect(problems).toEqual([]);
  expect(missed).toBeLessThanOrEqual(Math.ceil(points.length / 20));
}

/** `count` of them that lie even; `shift`, 0 to 1, begins elsewhere. */
export function spread<T>(all: readonly T[], count: number, shift = 0): T[] {
  return Array.from({ length: count }, (_, i) => all[Math.floor(((i + shift) / count) * all.length)] as T);
}
