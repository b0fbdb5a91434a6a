/** The embedded stack as the CLI sees it (SPEC C5): make sure it runs, say how it is, stop it. */
import { spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireLock, lockHolder, type LockHolder } from '../host/lock.ts';
import { identify } from '../host/process-identity.ts';
import { resolveBinary, type ResolvedBinary } from './binaries.ts';
import { EnvironmentProblem } from './environment-problem.ts';
import {
  existingHome,
  homeFiles,
  logTail,
  networkNamespace,
  openHome,
  readState,
  withLog,
  type EmbeddedState,
  type HomeFiles,
} from './home.ts';
import {
  askToEnd,
  endProcess,
  findServer,
  findWorker,
  type FoundServer,
  type FoundWorker,
} from './processes.ts';
import { watchForFile } from './stop-request.ts';

export interface EmbeddedSettings {
  home: string;
  /** Value of `TEMPORAL_CLI_PATH`. */
  temporalCliPath: string | undefined;
  packageRoot: string;
  /** Environment of the worker when this call starts it: the provider keys come from there. */
  env: NodeJS.ProcessEnv;
}

type BinarySettings = Pick<EmbeddedSettings, 'packageRoot' | 'env' | 'temporalCliPath'>;

export interface EmbeddedStatus {
  /** `down`: no supervisor keeps the stack; server and worker may run on without it until the next command. */
  status: EmbeddedState['status'] | 'down';
  address: string | null;
  webUi: string | null;
  error?: string;
  supervisor: { pid: number } | null;
  server: FoundServer | null;
  worker: FoundWorker | null;
  /** False when the stack is in another network namespace than we are. */
  reachable: boolean;
  files: HomeFiles;
}

export type OnStatus = (message: string) => void;

const READY_LIMIT_MS = 40_000;
const POLL_MS = 100;
/** A supervisor that was just spawned needs this long to take its lock. */
const SPAWN_PATIENCE_MS = 5000;
const SERVER_STOP_MS = 20_000;
const DRAIN_LIMIT_MS = 11.5 * 60_000;

/**
 * Address of this home's server, with a worker polling; starts in the background what doesn't run.
 * @throws EnvironmentProblem when it isn't ready within 40 s, or can't be reached from this network namespace.
 */
export async function ensureEmbedded(
  settings: EmbeddedSettings,
  { onStatus }: { onStatus: OnStatus },
): Promise<{ address: string; webUi: string }> {
  const home = await openHome(settings.home);
  const startedAt = new Date().toISOString();
  let deadline = Date.now() + READY_LIMIT_MS;
  let nextSpawn = 0;
  let announced: EmbeddedState['status'] | null = null;
  for (;;) {
    const { running, state } = await supervised(home);
    if (running && state?.status === 'ready' && bothRun(state)) return reachable(home, state);
    if (!running && state?.status === 'failed' && state.startedAt >= startedAt)
      throw await notReady(home, state);
    if (!running && Date.now() >= nextSpawn) {
      const binary = await findBinary(settings, onStatus);
      // Fetching the binary may have taken minutes, which are not the server's.
      if (nextSpawn === 0) deadline = Date.now() + READY_LIMIT_MS;
      spawnSupervisor(home, binary, settings);
      nextSpawn = Date.now() + SPAWN_PATIENCE_MS;
    }
    if (running && state && state.status !== announced) onStatus(phrase(state));
    if (running && state) announced = state.status;
    if (Date.now() > deadline) throw await notReady(home, state);
    await sleep(POLL_MS);
  }
}

/** How the stack is; never starts anything and leaves no trace when there is no home yet. */
export async function embeddedStatus(homeFolder: string): Promise<EmbeddedStatus> {
  const home = await existingHome(homeFolder);
  const [{ running, state, pid }, server, worker, ours] = await Promise.all([
    supervised(home),
    findServer(home),
    findWorker(home),
    networkNamespace(),
  ]);
  return {
    status: running ? (state?.status ?? 'starting') : 'down',
    address: running ? (state?.address ?? null) : null,
    webUi: running ? (state?.webUi ?? null) : null,
    ...(running && state?.error !== undefined && { error: state.error }),
    supervisor: pid === null ? null : { pid },
    server,
    worker,
    reachable: state === null || state.netns === ours,
    files: homeFiles(home),
  };
}

/**
 * Stop worker, server and supervisor of a home, also orphans, and wait for it. The worker first finishes its calls
 * (at most 11 min); with `now` it is killed and they count as possibly billed. Resolves `false` when nothing ran.
 */
export async function stopEmbedded(
  homeFolder: string,
  { now, onStatus }: { now: boolean; onStatus: OnStatus },
): Promise<boolean> {
  const home = await existingHome(homeFolder);
  const before = await embeddedStatus(home);
  if (!before.supervisor && !before.server && !before.worker) return false;
  onStatus(drainText(before.worker, now));
  const asked = new Set<string>();
  for (;;) {
    const holder = await lockHolder(homeFiles(home).lock);
    if (holder !== null) await askToStop(home, holder, now, asked);
    else if (await endOrphans(home, now)) return true;
    await sleep(POLL_MS);
  }
}

/** Path of the Temporal CLI in use, for `imgproof temporal`. @throws EnvironmentProblem when there is none to be had. */
export async function temporalBinary(settings: BinarySettings): Promise<string> {
  return (await resolveTemporal(settings)).path;
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

async function supervised(
  home: string,
): Promise<{ running: boolean; state: EmbeddedState | null; pid: number | null }> {
  const [holder, state] = await Promise.all([lockHolder(homeFiles(home).lock), readState(home)]);
  if (holder === null) return { running: false, state, pid: null };
  return { running: true, state: state?.supervisor.pid === holder.pid ? state : null, pid: holder.pid };
}

/** The supervisor needs a moment to notice an end; whoever calls in that moment shall wait for the restart. */
function bothRun({ server, worker }: EmbeddedState): boolean {
  return [server, worker].every((part) => part !== null && identify(part.pid) !== null);
}

async function reachable(home: string, state: EmbeddedState): Promise<{ address: string; webUi: string }> {
  if (state.netns !== (await networkNamespace())) {
    throw new EnvironmentProblem(
      `The embedded Temporal of ${home} runs in another network namespace and can't be reached from here. ` +
        'Stop it with `imgproof down` (its files stay) and run this again, or use another IMGPROOF_HOME.',
    );
  }
  if (state.address === null || state.webUi === null) throw await notReady(home, state);
  return { address: state.address, webUi: state.webUi };
}

async function findBinary(settings: EmbeddedSettings, onStatus: OnStatus): Promise<string> {
  const binary = await resolveTemporal(settings, onStatus);
  onStatus(`starting Temporal (${binary.source}) and a worker in the background`);
  return binary.path;
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

function spawnSupervisor(home: string, binary: string, { packageRoot, env }: EmbeddedSettings): void {
  const program = join(packageRoot, 'dist', 'embedded', 'supervisor.js');
  const child = withLog(homeFiles(home).logs.supervisor, (log) =>
    spawn(process.execPath, [program, home, '--temporal-cli', binary], {
      cwd: home,
      env: { ...env, IMGPROOF_HOME: home },
      detached: true,
      stdio: ['ignore', log, log],
    }),
  );
  child.once('error', () => undefined);
  child.unref();
}

async function notReady(home: string, state: EmbeddedState | null): Promise<EnvironmentProblem> {
  const { logs } = homeFiles(home);
  const tails = await Promise.all(
    Object.values(logs).map(async (path) => {
      const tail = await logTail(path, 6);
      return tail === '' ? '' : `\nEnd of ${path}:\n${tail}`;
    }),
  );
  const reason = state?.error ?? phrase(state);
  return new EnvironmentProblem(
    `The embedded Temporal of ${home} did not get ready: ${reason}.\n` +
      `Look at the logs, try \`imgproof down\` and run this again.${tails.join('')}`,
  );
}

const PHRASES: Record<EmbeddedState['status'], string> = {
  starting: 'Temporal and the worker are starting',
  ready: 'Temporal and the worker are ready',
  stopping:
    'an earlier `imgproof down` is still waiting for calls to finish (`imgproof down --now` ends them)',
  failed: 'the start failed',
};

function phrase(state: EmbeddedState | null): string {
  return state === null ? 'its supervisor did not start within 40 s' : PHRASES[state.status];
}

function drainText(worker: FoundWorker | null, now: boolean): string {
  if (worker === null) return 'stopping the Temporal server';
  if (now) return `ending worker ${worker.pid} at once: calls it has sent count as possibly billed`;
  return `worker ${worker.pid} finishes the calls it has sent (at most 11 min; \`imgproof down --now\` gives them up)`;
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
