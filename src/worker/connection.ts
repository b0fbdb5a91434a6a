import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import { reachServer } from '../temporal/server.ts';
import { ServerProblem } from '../temporal/server-problem.ts';
import { temporalConnection, type TemporalTarget } from '../temporal/target.ts';

const TRY_MS = 3_000;
const WAIT_MS_MAX = 5_000;

/**
 * The server may come later than the worker: it says so and waits. What no waiting helps against, as a wrong namespace, a
 * certificate or a key, is thrown. @throws ServerProblem
 */
export async function connectPatiently(target: TemporalTarget, log: Logger): Promise<NativeConnection> {
  for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, WAIT_MS_MAX)) {
    try {
      return await connectOnce(target);
    } catch (error) {
      if (error instanceof ServerProblem && error.isLasting) throw error;
      log.warn({ error: (error as Error).message }, 'no Temporal server yet');
      await sleep(waitMs);
    }
  }
}

/** Other servers than our own are asked by the client first: its problems have names that the native connection's lack. */
async function connectOnce(target: TemporalTarget): Promise<NativeConnection> {
  if (!target.embedded) await (await reachServer(target, TRY_MS)).close();
  return NativeConnection.connect(temporalConnection(target).connectionOptions);
}
