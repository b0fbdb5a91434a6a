/** Wait for a workflow while telling how it goes; Ctrl-C lets go of it, the work goes on (SPEC C4). */
import { setTimeout } from 'node:timers/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import {
  type BatchHandle,
  describe,
  isServerGone,
  liveAttempt,
  nobodyPolls,
  paidCallsArePolled,
  queryProgress,
  queryTasks,
} from '../client.ts';
import { TASK_QUEUES } from '../domain/messages.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type { WaitFlags } from './flags.ts';
import { PlainProgress, runningLines, type Snapshot } from './progress.ts';
import { say } from './output.ts';
import type { Session } from './session.ts';

export type Ending<T> =
  | { kind: 'result'; result: T }
  | { kind: 'failed'; error: unknown }
  | { kind: 'detached'; by: 'SIGINT' | 'SIGTERM' }
  | { kind: 'wait timeout' };

interface Watch {
  session: Session;
  flags: Pick<WaitFlags, 'waitTimeout' | 'progress'>;
  /** Called about once a second until the end. */
  tick: () => Promise<void>;
}

const TICK_MS = 1_000;
/** An order that no worker takes within this time is told and left: within 15 s in all (SPEC C6). */
const WORKER_PATIENCE_MS = 12_000;

export async function watchUntilEnd<T>(
  handle: { workflowId: string; result: () => Promise<T> },
  watch: Watch,
): Promise<Ending<T>> {
  const stop = new AbortController();
  const ended = endOf(handle, watch.session, stop.signal);
  const ending = Promise.race([ended, detach(stop.signal), patience(watch.flags.waitTimeout, stop.signal)]);
  const ticking = tickUntil(stop.signal, handle.workflowId, watch);
  try {
    return await Promise.race([ending, ticking.then(() => ending)]);
  } finally {
    stop.abort();
    await ticking.catch(() => undefined);
    await watch.tick().catch(() => undefined);
  }
}

/** Ticks that print a batch; the last one shows what the end brought. */
export function batchTicks(
  client: Client,
  handle: BatchHandle,
  form: WaitFlags['progress'],
): () => Promise<void> {
  const plain = new PlainProgress();
  return async () => {
    const snapshot = await snapshotOf(client, handle);
    if (snapshot !== null && form !== 'quiet') plain.show(snapshot);
  };
}

export async function snapshotOf(client: Client, handle: BatchHandle): Promise<Snapshot | null> {
  const progress = await queryProgress(client, handle);
  if (progress === null) return null;
  const tasks = (await queryTasks(client, handle)) ?? [];
  const live = await Promise.all(
    progress.running.map(async ({ task_key }) => [task_key, await liveAttempt(client, task_key)] as const),
  );
  return { progress, tasks, live: new Map(live) };
}

/** Ticks that print one lone task. */
export function taskTicks(
  client: Client,
  handle: WorkflowHandle,
  name: string,
  form: WaitFlags['progress'],
): () => Promise<void> {
  let told = '';
  return async () => {
    const live = new Map([[handle.workflowId, await liveAttempt(client, handle.workflowId)]]);
    const running = [{ task_key: handle.workflowId, task_name: name, index: 1 }];
    const [line] = runningLines({
      progress: { running } as unknown as Snapshot['progress'],
      tasks: [],
      live,
    });
    const changed = line?.replaceAll(/\d+ s/gu, '') ?? '';
    if (line === undefined || form === 'quiet' || changed === told) return;
    told = changed;
    say(line);
  };
}

async function tickUntil(signal: AbortSignal, workflowId: string, { session, tick }: Watch): Promise<void> {
  const startedAtMs = Date.now();
  let isTaken = false;
  while (!signal.aborted) {
    isTaken ||= await takenByWorker(session, workflowId, Date.now() - startedAtMs);
    if (isTaken) await tick();
    await sleep(TICK_MS, signal);
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
  return embedded || (await paidCallsArePolled(client)) ? null : 'for paid calls';
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
      if (!told) say('the Temporal server does not answer; the work goes on when it is back. Waiting …');
      told = true;
      await session.revive();
      await sleep(TICK_MS, signal);
    }
  }
}

function detach(signal: AbortSignal): Promise<Ending<never>> {
  return new Promise((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      const listener = () => resolve({ kind: 'detached', by: name });
      process.once(name, listener);
      signal.addEventListener('abort', () => process.removeListener(name, listener));
    }
  });
}

function patience(seconds: number | undefined, signal: AbortSignal): Promise<Ending<never>> {
  if (seconds === undefined) return new Promise(() => undefined);
  return sleep(seconds * 1000, signal).then(() => ({ kind: 'wait timeout' }));
}

/** Ends early, without an error, when the signal fires. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal }).then(undefined, () => undefined);
}
