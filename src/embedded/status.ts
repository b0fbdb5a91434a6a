/** How the stack is; nothing here starts anything or leaves a trace. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockHolder, type LockHolder } from '../host/lock.ts';
import { lastServer } from './database.ts';
import {
  existingHome,
  homeFiles,
  networkNamespace,
  readState,
  type EmbeddedState,
  type HomeFiles,
} from './home.ts';
import { findServer, findWorker, type FoundServer, type FoundWorker } from './processes.ts';
import { phaseSeen, type Phase } from './state-machine.ts';

export interface EmbeddedStatus {
  /** `down` and `failed`: server and worker may run on all the same, until the next command. */
  status: Phase;
  address: string | null;
  webUi: string | null;
  /** What went wrong last. */
  error?: string;
  supervisor: { pid: number } | null;
  server: FoundServer | null;
  worker: FoundWorker | null;
  /** False when the stack is in another network namespace than we are. */
  reachable: boolean;
  files: HomeFiles;
}

/** Who keeps the stack, and what was published of it. */
export interface Supervised {
  phase: Phase;
  holder: LockHolder | null;
  /** The living supervisor's word, or that of the last one. */
  state: EmbeddedState | null;
}

/** Of a home as `openHome` or `existingHome` names it. */
export async function supervised(home: string): Promise<Supervised> {
  const [holder, last] = await Promise.all([lockHolder(homeFiles(home).lock), readState(home)]);
  const state = holder === null || last?.supervisor.pid === holder.pid ? last : null;
  return { phase: phaseSeen(state?.status ?? null, holder !== null), holder, state };
}

/** A supervisor that has its lock and nothing published yet, or nothing any more, is at it for less than this. */
const SPEECHLESS = { pollMs: 50, limitMs: 5_000 };

/**
 * True when somebody stopped the stack, or does right now, and nobody has started it since: what was killed leaves its
 * state behind. Whoever waits for an order must not start it again then: to stop is to stop spending.
 */
export async function isStoppedOnPurpose(homeFolder: string): Promise<boolean> {
  const home = await existingHome(homeFolder);
  const startedAtMs = Date.now();
  for (;;) {
    const { holder, state } = await supervised(home);
    if (state !== null) return state.stopReason === 'asked';
    if (holder === null) return true;
    // The end of a stop or the beginning of a start: what is seen next tells.
    if (Date.now() - startedAtMs > SPEECHLESS.limitMs) return false;
    await sleep(SPEECHLESS.pollMs);
  }
}

/**
 * True when the supervisor was killed: server and worker may go on, but nobody replaces them when they end. Not after a
 * stop on purpose, and not when it gave up.
 */
export async function isLeftAlone(homeFolder: string): Promise<boolean> {
  const { holder, state, phase } = await supervised(await existingHome(homeFolder));
  return holder === null && state !== null && phase === 'down' && state.stopReason !== 'asked';
}

export async function embeddedStatus(homeFolder: string): Promise<EmbeddedStatus> {
  const home = await existingHome(homeFolder);
  const [{ phase, holder, state }, server, worker, ours] = await Promise.all([
    supervised(home),
    findServer(home),
    findWorker(home),
    networkNamespace(),
  ]);
  const isSupervised = holder !== null;
  const error = isSupervised || phase === 'failed' ? state?.problem?.message : undefined;
  return {
    status: phase,
    address: isSupervised ? (state?.address ?? null) : null,
    webUi: isSupervised ? (state?.webUi ?? null) : null,
    ...(error !== undefined && { error }),
    supervisor: holder && { pid: holder.pid },
    server,
    worker,
    reachable: state === null || state.netns === ours,
    files: homeFiles(home),
  };
}

/**
 * True when this address is the embedded server's own: it serves there now, or did last and nobody else does now. So an
 * exported `TEMPORAL_ADDRESS` of it goes on working after an idle stop (SPEC C5).
 */
export async function isOwnAddress(homeFolder: string, named: string): Promise<boolean> {
  const home = await existingHome(homeFolder);
  const address = named.replace(/^localhost:/u, '127.0.0.1:');
  const { holder, state } = await supervised(home);
  if (holder !== null && state?.address) return state.address === address;
  return (await lastServer(home))?.address === address && !(await isServed(address));
}

/** True when anybody accepts connections there. */
export function isServed(address: string): Promise<boolean> {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect({ host: host ?? '', port: Number(port), timeout: 1_000 });
    const end = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
