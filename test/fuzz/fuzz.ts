/**
 * Hostile input by the hundred thousand: what must hold of it whatever it is, and how it is played. `npm run fuzz` plays
 * the long form, the suite a short one; both print seed and counts, and a seed plays the same again.
 */
import * as fc from 'fast-check';
import { ANSWERS } from './answers.ts';
import { DOCUMENTS } from './documents.ts';
import { NAMES } from './names.ts';

/** A property, with its share of the group's runs. */
export interface Fuzzed {
  what: string;
  share: number;
  /** Throws, or rejects, when it does not hold. */
  check: fc.IRawProperty<unknown>;
}

export interface Group {
  name: string;
  /** Runs of the long form. */
  runs: number;
  properties: () => Promise<Fuzzed[]> | Fuzzed[];
}

export const GROUPS: readonly Group[] = [ANSWERS, NAMES, DOCUMENTS];

export interface Played {
  name: string;
  runs: number;
  seconds: number;
  /** Of the slowest single input. */
  slowestMs: number;
  failures: string[];
}

/** An input that takes longer is a hang. By the time this thread worked, so that a busy machine does not count. */
const HANG_MS = 1_000;

/** `part`: of the runs, from 0 to 1. Failures say what fails, with the seed and path that play it again. */
export async function playGroup(
  group: Group,
  { seed, part }: { seed: number; part: number },
): Promise<Played> {
  const begun = performance.now();
  const played: Played = { name: group.name, runs: 0, seconds: 0, slowestMs: 0, failures: [] };
  for (const { what, share, check } of await group.properties()) {
    const numRuns = Math.max(1, Math.ceil(group.runs * share * part));
    const details = await fc.check(timed(check, played) as fc.IAsyncProperty<unknown>, {
      seed,
      numRuns,
    });
    played.runs += details.numRuns;
    if (details.failed) played.failures.push(`${what}: ${fc.defaultReportMessage(details)}`);
  }
  if (Object.hasOwn(Object.prototype, 'polluted'))
    played.failures.push('the prototype of all objects was changed');
  return { ...played, seconds: (performance.now() - begun) / 1000 };
}

function timed(property: fc.IRawProperty<unknown>, played: Played): fc.IRawProperty<unknown> {
  const run = property.run.bind(property);
  property.run = ((value: unknown) => {
    const before = process.cpuUsage();
    const judge = (failure: unknown) => {
      const { user, system } = process.cpuUsage(before);
      const ms = (user + system) / 1000;
      played.slowestMs = Math.max(played.slowestMs, ms);
      if (failure !== null || ms <= HANG_MS) return failure;
      return { error: new Error(`one input took ${Math.round(ms)} ms`) };
    };
    const result: unknown = run(value);
    return result instanceof Promise ? result.then(judge) : judge(result);
  }) as typeof property.run;
  return property;
}
