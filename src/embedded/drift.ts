/** When the worker that runs is not the one a command would start (SPEC G8). */
import type { ProcessIdentity } from '../host/process-identity.ts';
import { callList, longestRemaining, spoken, type CallInFlight } from './calls-in-flight.ts';
import { EnvironmentProblem } from './environment-problem.ts';
import { differingFacts, type WorkerFacts } from './worker-facts.ts';
import { workerRecord } from './worker-record.ts';

/** Names of what this worker was started with otherwise; null while it has not said. */
export async function differencesOf(
  home: string,
  worker: ProcessIdentity,
  facts: WorkerFacts,
): Promise<string[] | null> {
  const record = await workerRecord(home, worker);
  return record && differingFacts(facts, record);
}

/** @throws EnvironmentProblem. Calls that can't be known (null) hold nothing up: the worker finishes them before it ends. */
export async function refuseWhileCallsRun(
  names: readonly string[],
  calls: readonly CallInFlight[] | null,
): Promise<void> {
  if (calls === null || calls.length === 0) return;
  throw new EnvironmentProblem(
    `The background worker was started with other values of ${names.join(', ')}, and can't be restarted while it makes ` +
      `paid calls: ${callList(calls)}. Run this again when they have ended (in ${spoken(longestRemaining(calls))} at most), ` +
      'or with the values it was started with, or with another IMGPROOF_HOME. Nothing was sent.',
  );
}

/** For a command whose worker was replaced by another one again and again. */
export function keepsDiffering(names: readonly string[]): EnvironmentProblem {
  return new EnvironmentProblem(
    `The background worker was restarted, and works with other values of ${names.join(', ')} again: another command uses ` +
      'this home at the same time. Run this again when that one has ended, or use another IMGPROOF_HOME. Nothing was sent.',
  );
}
