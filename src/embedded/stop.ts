/** Ends worker, server and supervisor of a home, and says how long it takes (SPEC C5, R6). */
import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireLock, lockHolder, type LockHolder } from '../host/lock.ts';
import { callList, longestRemaining, spoken, type AskCalls, type CallInFlight } from './calls-in-flight.ts';
import { existingHome, homeFiles, readState } from './home.ts';
import { askToEnd, endProcess, findServer, findWorker, type FoundServer } from './processes.ts';
import { addressOf } from './server.ts';
import { DRAIN_LIMIT_MS, SERVER_STOP_MS } from './stack.ts';
import { embeddedStatus, isServed, type EmbeddedStatus } from './status.ts';
import { watchForFile } from './stop-request.ts';

export interface StopOptions {
  /** Kill the worker; calls it has sent count as possibly billed. */
  now: boolean;
  onStatus: (message: string) => void;
  askCalls: AskCalls;
}

const POLL_MS = 100;
const TELL_EVERY_MS = 10_000;

/**
 * Stop worker, server and supervisor of a home, also orphans, and wait for it. The worker first finishes its calls
 * (at most 11 min) unless `now`. Resolves with the time it took in milliseconds; null when nothing ran.
 */
export async function stopEmbedded(homeFolder: string, options: StopOptions): Promise<number | null> {
  const home = await existingHome(homeFolder);
  const before = await embeddedStatus(home);
  if (!before.supervisor && !before.server && !before.worker) return null;
  const startedAtMs = Date.now();
  const isOver = new AbortController();
  const drains = before.worker !== null && !options.now;
  void tell(before, options, isOver.signal);
  // Whoever waits for a drain hears of it again and again.
  const timer = drains
    ? setInterval(() => void tell(before, options, isOver.signal), TELL_EVERY_MS)
    : undefined;
  try {
    await untilStopped(home, options.now);
    return Date.now() - startedAtMs;
  } finally {
    isOver.abort();
    clearInterval(timer);
  }
}

async function untilStopped(home: string, now: boolean): Promise<void> {
  const asked = new Set<string>();
  for (;;) {
    const holder = await lockHolder(homeFiles(home).lock);
    if (holder !== null) await askToStop(home, holder, now, asked);
    else if (await endOrphans(home, now)) return;
    await sleep(POLL_MS);
  }
}

/** Once per holder, which is the supervisor, or another `down` that ends orphans: that one knows only "now". */
async function askToStop(home: string, holder: LockHolder, now: boolean, asked: Set<string>): Promise<void> {
  const state = await readState(home);
  const isSupervisor = state?.supervisor.pid === holder.pid;
  const request = `${holder.nonce} ${isSupervisor}`;
  if (asked.has(request)) return;
  asked.add(request);
  if (now) await writeFile(homeFiles(home).stopNow, '');
  else if (isSupervisor && state.status !== 'stopping') askToEnd(holder);
}

/** Processes whose supervisor was killed; false when somebody else took the lock in between. */
async function endOrphans(home: string, now: boolean): Promise<boolean> {
  const { lock: path, state, stopNow } = homeFiles(home);
  const lock = await acquireLock(path);
  if (lock.kind === 'held') return false;
  const file = await watchForFile(stopNow);
  if (now) file.found.abort();
  try {
    const worker = await findWorker(home);
    if (worker) await endProcess(worker.identity, { graceMs: DRAIN_LIMIT_MS, now: file.found.signal });
    const server = await findServer(home);
    if (server) await endProcess(server.identity, { graceMs: SERVER_STOP_MS });
    await rm(state, { force: true });
    return true;
  } finally {
    await file.close();
    await lock.release();
  }
}

// --- what a person hears while it takes its time -----------------------------------------------------------------------

async function tell(
  { worker, server }: EmbeddedStatus,
  { now, onStatus, askCalls }: StopOptions,
  isOver: AbortSignal,
): Promise<void> {
  if (worker === null) return onStatus('stopping the Temporal server');
  if (now) return onStatus(`ending worker ${worker.pid} at once: calls it has sent count as possibly billed`);
  const calls = await runningCalls(server, askCalls);
  if (!isOver.aborted) onStatus(drainText(worker.pid, calls));
}

/** A worker that drains sends nothing new: what is queued waits for the next one. */
async function runningCalls(server: FoundServer | null, askCalls: AskCalls): Promise<CallInFlight[] | null> {
  const address = server && addressOf(server);
  if (address === null || !(await isServed(address))) return null;
  const calls = await askCalls(address);
  return calls && calls.filter(({ state }) => state === 'running');
}

const GIVE_UP = '`imgproof down --now` gives them up';

function drainText(pid: number, calls: readonly CallInFlight[] | null): string {
  if (calls === null) {
    return (
      `the Temporal server can't be asked which calls are under way; worker ${pid} finishes those it has sent ` +
      `(at most 11 min; ${GIVE_UP})`
    );
  }
  if (calls.length === 0) return `no paid call is under way; stopping worker ${pid} and the Temporal server`;
  return (
    `worker ${pid} finishes ${calls.length} paid ${calls.length === 1 ? 'call' : 'calls'}: ${callList(calls)}; ` +
    `at most ${spoken(longestRemaining(calls))} (${GIVE_UP})`
  );
}
