/** Wait for a workflow while telling how it goes; Ctrl-C lets go of it, the work goes on (SPEC C4). */
import { setTimeout } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { describe, isServerGone, nobodyPolls } from '../client.ts';
import type { Signals } from './detached.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type { WaitFlags } from './flags.ts';
import { say } from './output.ts';
import type { Session } from './session.ts';

export type Ending<T> =
  | { kind: 'result'; result: T }
  | { kind: 'failed'; error: unknown }
  | { kind: 'detached'; by: 'SIGINT' | 'SIGTERM' }
  | { kind: 'wait timeout' };

interface Watch {
  session: Session;
  flags: Pick<WaitFlags, 'waitTimeout'>;
  letGo: Signals['letGo'];
  /** Called about once a second until the end, and once more when the end brought news. */
  look: () => Promise<void>;
}

const LOOK_MS = 1_000;
/** SPEC C6: an order that no worker takes within this time is told and left. */
const WORKER_PATIENCE_MS = 15_000;

export async function watchUntilEnd<T>(
  handle: { workflowId: string; result: () => Promise<T> },
  watch: Watch,
): Promise<Ending<T>> {
  const stop = new AbortController();
  const ended = endOf(handle, watch.session, stop.signal);
  const detached = watch.letGo.then((by): Ending<T> => ({ kind: 'detached', by }));
  const ending = Promise.race([ended, detached, patience(watch.flags.waitTimeout, stop.signal)]);
  const looking = lookUntil(stop.signal, handle.workflowId, watch);
  try {
    const end = await Promise.race([ending, looking.then(() => ending)]);
    if (end.kind === 'result' || end.kind === 'failed') await lastLook(stop, looking, watch);
    // Whoever lets go is answered at once: no call to the server stands in between.
    return end;
  } finally {
    stop.abort();
  }
}

async function lastLook(stop: AbortController, looking: Promise<void>, { look }: Watch): Promise<void> {
  stop.abort();
  await looking.catch(() => undefined);
  await look().catch(() => undefined);
}

async function lookUntil(signal: AbortSignal, workflowId: string, { session, look }: Watch): Promise<void> {
  const startedAtMs = Date.now();
  let isTaken = false;
  while (!signal.aborted) {
    isTaken ||= await takenByWorker(session.client, workflowId, Date.now() - startedAtMs);
    if (isTaken) await look();
    await sleep(LOOK_MS, signal);
  }
}

async function takenByWorker(client: Client, workflowId: string, waitedMs: number): Promise<boolean> {
  const description = await describe(client, workflowId).catch(() => null);
  if (description !== null && !nobodyPolls(description)) return true;
  if (waitedMs < WORKER_PATIENCE_MS || description === null) return false;
  throw new CommandProblem(
    EXIT.environment,
    `no worker takes "${workflowId}" from the task queue. The order stays recorded and runs when one is up: imgproof worker`,
  );
}

/** A server that goes away and comes back is waited for; only the workflow's own end is one. The signal lets go. */
async function endOf<T>(
  handle: { result: () => Promise<T> },
  session: Session,
  signal: AbortSignal,
): Promise<Ending<T>> {
  for (let told = false; ;) {
    try {
      const result = await session.client.connection.withAbortSignal(signal, () => handle.result());
      return { kind: 'result', result };
    } catch (error) {
      if (!isServerGone(error) || signal.aborted) return { kind: 'failed', error };
      if (!told) say('the Temporal server does not answer; waiting for it, the work goes on when it is back');
      told = true;
      await session.revive();
      await sleep(LOOK_MS, signal);
    }
  }
}

function patience(seconds: number | undefined, signal: AbortSignal): Promise<Ending<never>> {
  if (seconds === undefined) return new Promise(() => undefined);
  return sleep(seconds * 1000, signal).then(() => ({ kind: 'wait timeout' }));
}

/** Ends early, without an error, when the signal fires. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal }).then(undefined, () => undefined);
}
