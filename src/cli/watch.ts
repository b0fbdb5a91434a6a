/** Wait for a workflow while telling how it goes; Ctrl-C lets go of it, the work goes on (SPEC C4). */
import { setTimeout } from 'node:timers/promises';
import { describe, isServerGone, nobodyPolls, paidCallsAreServed, successorOf } from '../client.ts';
import { TASK_QUEUES } from '../domain/messages.ts';
import type { Signals } from './detached.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type { WaitFlags } from './flags.ts';
import { say } from './output.ts';
import type { Session } from './session.ts';
import type { Standstill } from './standstill.ts';

export type Ending<T> =
  | { kind: 'result'; result: T }
  | { kind: 'failed'; error: unknown }
  | { kind: 'detached'; by: 'SIGINT' | 'SIGTERM' }
  | { kind: 'wait timeout' };

/** `Seen`: what a look may find that ends the wait. */
interface Watch<Seen> {
  session: Session;
  flags: Pick<WaitFlags, 'waitTimeout'>;
  letGo: Signals['letGo'];
  /** Called about once a second until the end. How it ended is known by its result: a closed workflow is asked nothing. */
  look: () => Promise<Seen | null>;
}

const LOOK_MS = 1_000;
/** An order that no worker takes within this time is told and left: within 15 s in all (SPEC C6). */
const WORKER_PATIENCE_MS = 12_000;

export async function watchUntilEnd<T, Seen extends Standstill = never>(
  handle: { workflowId: string; result: () => Promise<T> },
  watch: Watch<Seen>,
): Promise<Ending<T> | Seen> {
  const stop = new AbortController();
  const ended = endOf(handle, watch.session, stop.signal);
  const detached = watch.letGo.then((by): Ending<T> => ({ kind: 'detached', by }));
  const ending = Promise.race([ended, detached, patience(watch.flags.waitTimeout, stop.signal)]);
  const looking = lookUntil(stop.signal, handle.workflowId, watch);
  void keepUpUntil(stop.signal, watch.session);
  try {
    const end = await Promise.race([
      ending,
      looking.then(async (seen): Promise<Ending<T> | Seen> => seen ?? ending),
    ]);
    // Whoever lets go is answered at once: no call to the server stands in between.
    if (end.kind === 'result' || end.kind === 'failed') await lookUnderWay(stop, looking);
    return end;
  } finally {
    stop.abort();
  }
}

/** Its calls are repeated by timers, which throw when the connection has been closed meanwhile. */
async function lookUnderWay(stop: AbortController, looking: Promise<unknown>): Promise<void> {
  stop.abort();
  await looking.catch(() => undefined);
}

/** Null when the signal fired first. */
async function lookUntil<Seen>(
  signal: AbortSignal,
  workflowId: string,
  { session, look }: Watch<Seen>,
): Promise<Seen | null> {
  const startedAtMs = Date.now();
  let isTaken = false;
  while (!signal.aborted) {
    const waitedMs = Date.now() - startedAtMs;
    const seen = await untilAborted(signal, session, async () => {
      isTaken ||= await takenByWorker(session, workflowId, waitedMs);
      return isTaken ? look() : null;
    });
    if (seen !== null) return seen;
    await sleep(LOOK_MS, signal);
  }
  return null;
}

/**
 * What is asked at the moment of the end would be answered by a replay of everything: nobody waits for that. Each time with a
 * signal of its own, because every call of the client leaves a listener at its signal.
 */
async function untilAborted<T>(signal: AbortSignal, { client }: Session, ask: () => Promise<T>): Promise<T> {
  const own = new AbortController();
  const abort = () => own.abort();
  signal.addEventListener('abort', abort);
  try {
    return await client.connection.withAbortSignal(own.signal, ask);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

const KEEP_UP_EVERY_MS = 3_000;

/** What keeps the work going may be killed while nobody else looks. What can't be started now is tried again. */
async function keepUpUntil(signal: AbortSignal, session: Session): Promise<void> {
  while (!signal.aborted) {
    await sleep(KEEP_UP_EVERY_MS, signal);
    if (!signal.aborted) await session.keepUp().catch(() => undefined);
  }
}

async function takenByWorker(session: Session, workflowId: string, waitedMs: number): Promise<boolean> {
  const missing = await missingWorker(session, workflowId);
  if (missing === null) return true;
  if (waitedMs < WORKER_PATIENCE_MS || missing === 'unknown') return false;
  const { problem, command } = NOBODY[missing];
  throw new CommandProblem(
    EXIT.environment,
    `${problem(workflowId)}. The order stays recorded and runs when one is up: ${command}`,
    [],
    workflowId,
  );
}

const NOBODY = {
  'for workflows': {
    problem: (id: string) => `no worker takes "${id}" from the task queue ${TASK_QUEUES.main}`,
    command: 'imgproof worker',
  },
  'for paid calls': {
    problem: (id: string) => `no worker asks ${TASK_QUEUES.api} for the paid calls of "${id}"`,
    command: 'imgproof worker --role api',
  },
};

/** The embedded worker has both roles; elsewhere they may be two, and one of them not up. */
async function missingWorker(
  { client, embedded }: Session,
  workflowId: string,
): Promise<keyof typeof NOBODY | 'unknown' | null> {
  const description = await describe(client, workflowId).catch(() => null);
  if (description === null) return 'unknown';
  if (nobodyPolls(description)) return 'for workflows';
  return embedded || (await paidCallsAreServed(client)) ? null : 'for paid calls';
}

/** A server that goes away and comes back is waited for; only the workflow's own end is one. The signal lets go. */
async function endOf<T>(
  started: { workflowId: string; result: () => Promise<T> },
  session: Session,
  signal: AbortSignal,
): Promise<Ending<T>> {
  let handle = started;
  for (let told = false; ;) {
    try {
      const result = await session.client.connection.withAbortSignal(signal, () => handle.result());
      return { kind: 'result', result };
    } catch (error) {
      const successor = wasTerminated(error) ? await successorOf(session.client, handle.workflowId) : null;
      if (successor !== null && !signal.aborted) {
        say('its run was ended from outside and another one goes on, as after a reset; waiting for that');
        handle = successor as typeof handle;
        continue;
      }
      if (!isServerGone(error) || signal.aborted) return { kind: 'failed', error };
      if (!told) say('the Temporal server does not answer; waiting for it, the work goes on when it is back');
      told = true;
      await session.revive();
      await sleep(LOOK_MS, signal);
    }
  }
}

function wasTerminated(error: unknown): boolean {
  return (error as { cause?: { name?: string } }).cause?.name === 'TerminatedFailure';
}

function patience(seconds: number | undefined, signal: AbortSignal): Promise<Ending<never>> {
  if (seconds === undefined) return new Promise(() => undefined);
  return sleep(seconds * 1000, signal).then(() => ({ kind: 'wait timeout' }));
}

/** Ends early, without an error, when the signal fires. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal }).then(undefined, () => undefined);
}
