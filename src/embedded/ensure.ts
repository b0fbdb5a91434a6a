/** A command's way to a running stack, by the table of the state machine (SPEC C5, G8). */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, type ProcessIdentity } from '../host/process-identity.ts';
import { resolveBinary, type ResolvedBinary } from './binaries.ts';
import type { AskCalls } from './calls-in-flight.ts';
import { differencesOf, keepsDiffering, refuseWhileCallsRun } from './drift.ts';
import { EnvironmentProblem } from './environment-problem.ts';
import { homeFiles, networkNamespace, openHome, unusableHome, type EmbeddedState } from './home.ts';
import { noteUse } from './idle.ts';
import { logTail, withLog } from './logs.ts';
import { askToRetire } from './processes.ts';
import { COMMAND_STEP } from './state-machine.ts';
import { supervised, type Supervised } from './status.ts';
import type { WorkerFacts } from './worker-facts.ts';

export interface EmbeddedSettings {
  home: string;
  /** Value of `TEMPORAL_CLI_PATH`. */
  temporalCliPath: string | undefined;
  packageRoot: string;
  /** Environment of the worker when this call starts it: the provider keys come from there. */
  env: NodeJS.ProcessEnv;
  /** Idle milliseconds after which the stack shall stop itself; null is never. */
  idleStopMs: number | null;
}

type BinarySettings = Pick<EmbeddedSettings, 'packageRoot' | 'env' | 'temporalCliPath'>;

export type OnStatus = (message: string) => void;

export interface EnsureOptions {
  onStatus: OnStatus;
  /** Of commands that order: the worker must be one that this command would have started itself. */
  order?: { facts: WorkerFacts; askCalls: AskCalls };
}

export interface EmbeddedPlace {
  address: string;
  webUi: string;
}

const READY_LIMIT_MS = 40_000;
/** Longer than any drain: a request limit and what comes after it. */
const DRAIN_LIMIT_MS = 13 * 60_000;
const POLL_MS = 100;
const NOTE_EVERY_MS = 500;
/** More often than any command of ours would be overtaken by others. */
const REPLACE_LIMIT = 3;
/** A supervisor that was just spawned needs this long to take its lock. */
const SPAWN_PATIENCE_MS = 5000;

/**
 * Address of this home's server, with a worker polling; starts in the background what doesn't run, waits for the end of
 * what is being stopped, and replaces a worker that was started for another environment.
 * @throws EnvironmentProblem when it isn't ready within 40 s, can't be reached from this network namespace, or its worker
 * must not be replaced because it makes paid calls.
 */
export async function ensureEmbedded(
  settings: EmbeddedSettings,
  options: EnsureOptions,
): Promise<EmbeddedPlace> {
  const home = await openHome(settings.home);
  const arrival = newArrival(home, settings, options);
  for (;;) {
    const homeTrouble = await noteUseBeforeLooking(arrival);
    const seen = await supervised(home);
    const step = COMMAND_STEP[seen.phase];
    // What runs is of use on a full disk too; nothing can be started there.
    if (step !== 'use it' && homeTrouble !== null) throw homeTrouble;
    switch (step) {
      case 'use it': {
        const place = await placeOf(arrival, seen);
        if (place !== null) return place;
        break;
      }
      case 'spawn a supervisor':
        if (isOwnFailure(arrival, seen)) throw await notReady(arrival, seen);
        if (Date.now() >= arrival.nextSpawnAtMs) await spawnSupervisor(arrival);
        break;
      case 'wait':
        break;
    }
    tell(arrival, seen);
    await refuseToWaitForEver(arrival, seen);
    await sleep(POLL_MS);
  }
}

/** Path of the Temporal CLI in use, for `imgproof temporal`. @throws EnvironmentProblem when there is none to be had. */
export async function temporalBinary(settings: BinarySettings): Promise<string> {
  return (await resolveTemporal(settings)).path;
}

/** One call of `ensureEmbedded` on its way. */
interface Arrival {
  home: string;
  settings: EmbeddedSettings;
  options: EnsureOptions;
  /** ISO 8601: a failure from before is not ours. */
  startedAt: string;
  deadlineMs: number;
  notedAtMs: number;
  nextSpawnAtMs: number;
  told: string | null;
  /** Supervisors, by the nonce of their lock, that were asked to make room. */
  retired: Set<string>;
  /** The worker that the next supervisor must not adopt. */
  replace: ProcessIdentity | null;
}

function newArrival(home: string, settings: EmbeddedSettings, options: EnsureOptions): Arrival {
  return {
    home,
    settings,
    options,
    startedAt: new Date().toISOString(),
    deadlineMs: Date.now() + READY_LIMIT_MS,
    notedAtMs: 0,
    nextSpawnAtMs: 0,
    told: null,
    retired: new Set(),
    replace: null,
  };
}

/** A stack that was idle and gets ready just now must not stop under whoever waited for it (see `idle.ts`). */
async function noteUseBeforeLooking(arrival: Arrival): Promise<EnvironmentProblem | null> {
  if (Date.now() - arrival.notedAtMs < NOTE_EVERY_MS) return null;
  arrival.notedAtMs = Date.now();
  return noteUse(arrival.home, arrival.settings.idleStopMs).then(
    () => null,
    (error: unknown) => unusableHome(arrival.home, error),
  );
}

/** Null when the stack is not yet what this command needs. */
async function placeOf(arrival: Arrival, seen: Supervised): Promise<EmbeddedPlace | null> {
  const { state, holder } = seen;
  if (state === null || holder === null || !bothRun(state)) return null;
  if (state.netns !== (await networkNamespace())) throw outOfReach(arrival.home);
  const { address, webUi } = state;
  if (address === null || webUi === null) return null;
  return (await fits(arrival, seen, address)) ? { address, webUi } : null;
}

/** SPEC G8: false while the worker is another one than this command's; its supervisor is asked to make room then. */
async function fits(arrival: Arrival, { state, holder }: Supervised, address: string): Promise<boolean> {
  const { order, onStatus } = arrival.options;
  if (order === undefined) return true;
  const worker = state?.worker ? identify(state.worker.pid) : null;
  if (worker === null || holder === null) return false;
  const names = await differencesOf(arrival.home, worker, order.facts);
  if (names === null || names.length === 0) return names !== null;
  if (arrival.retired.has(holder.nonce)) return false;
  if (arrival.retired.size >= REPLACE_LIMIT) throw keepsDiffering(names);
  await refuseWhileCallsRun(names, await order.askCalls(address));
  onStatus(`restarting the worker, which was started with other values of ${names.join(', ')}`);
  arrival.retired.add(holder.nonce);
  arrival.replace = worker;
  arrival.nextSpawnAtMs = 0;
  askToRetire(holder);
  return false;
}

/** The supervisor needs a moment to notice an end; whoever calls in that moment shall wait for the restart. */
function bothRun({ server, worker }: EmbeddedState): boolean {
  return [server, worker].every((part) => part !== null && identify(part.pid) !== null);
}

function isOwnFailure({ startedAt }: Arrival, { phase, state }: Supervised): boolean {
  return phase === 'failed' && state !== null && state.startedAt >= startedAt;
}

/** What may take minutes for good reasons does not count as a start that failed. */
async function refuseToWaitForEver(arrival: Arrival, seen: Supervised): Promise<void> {
  const isEnding = seen.phase === 'stopping' || (seen.holder !== null && seen.state?.draining === true);
  const sinceStartMs = Date.now() - Date.parse(arrival.startedAt);
  if (isEnding && sinceStartMs < DRAIN_LIMIT_MS) arrival.deadlineMs = Date.now() + READY_LIMIT_MS;
  if (Date.now() > arrival.deadlineMs) throw await notReady(arrival, seen);
}

async function spawnSupervisor(arrival: Arrival): Promise<void> {
  const { home, settings, options, replace } = arrival;
  const binary = await resolveTemporal(settings, options.onStatus);
  options.onStatus(`starting Temporal (${binary.source}) and a worker in the background`);
  // Fetching the binary may have taken minutes, which are not the server's.
  if (arrival.nextSpawnAtMs === 0) arrival.deadlineMs = Date.now() + READY_LIMIT_MS;
  arrival.nextSpawnAtMs = Date.now() + SPAWN_PATIENCE_MS;
  const program = join(settings.packageRoot, 'dist', 'embedded', 'supervisor.js');
  const args = [home, '--temporal-cli', binary.path];
  if (replace !== null) args.push('--replace-worker', JSON.stringify(replace));
  const child = withLog(homeFiles(home).logs.supervisor, (log) =>
    spawn(process.execPath, [program, ...args], {
      cwd: home,
      env: { ...settings.env, IMGPROOF_HOME: home },
      detached: true,
      stdio: ['ignore', log, log],
    }),
  );
  child.once('error', () => undefined);
  child.unref();
}

async function resolveTemporal(settings: BinarySettings, onFetch?: OnStatus): Promise<ResolvedBinary> {
  const { packageRoot, env, temporalCliPath } = settings;
  return resolveBinary('temporal', {
    packageRoot,
    env,
    explicitPath: temporalCliPath,
    ...(onFetch && { onFetch }),
  });
}

function tell(arrival: Arrival, seen: Supervised): void {
  if (seen.holder === null || seen.phase === 'ready') return;
  const text = phrase(seen);
  if (text !== arrival.told) arrival.options.onStatus(text);
  arrival.told = text;
}

function phrase({ phase, state }: Supervised): string {
  switch (phase) {
    case 'down':
      return 'its supervisor did not start';
    case 'failed':
      return 'the start failed';
    case 'ready':
      return 'Temporal and the worker are ready';
    case 'starting':
      return state?.draining
        ? 'an earlier worker ends first, with the paid calls it has begun (`imgproof down --now` gives them up)'
        : 'Temporal and the worker are starting';
    case 'stopping':
      return state?.stopReason === 'idle'
        ? 'Temporal and the worker stop after an idle time; they are started again then'
        : 'an earlier `imgproof down` waits for calls to finish (`imgproof down --now` ends them); then all is started again';
  }
}

function outOfReach(home: string): EnvironmentProblem {
  return new EnvironmentProblem(
    `The embedded Temporal of ${home} runs in another network namespace and can't be reached from here. ` +
      'Stop it with `imgproof down` (its files stay) and run this again, or use another IMGPROOF_HOME.',
  );
}

async function notReady({ home }: Arrival, seen: Supervised): Promise<EnvironmentProblem> {
  const { problem } = seen.state ?? {};
  if (problem?.final) return new EnvironmentProblem(problem.message);
  const { logs } = homeFiles(home);
  const tails = await Promise.all(
    Object.values(logs).map(async (path) => {
      const tail = await logTail(path, 6);
      return tail === '' ? '' : `\nEnd of ${path}:\n${tail}`;
    }),
  );
  return new EnvironmentProblem(
    `The embedded Temporal of ${home} did not get ready: ${problem?.message ?? phrase(seen)}.\n` +
      `Look at the logs, try \`imgproof down\` and run this again.${tails.join('')}`,
  );
}
