/** The supervisor's two tools: get the server, get the worker; an orphan of an earlier supervisor comes first. */
import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { identify, isSameProcess, type ProcessIdentity } from '../host/process-identity.ts';
import { noteServed } from './database.ts';
import { EnvironmentProblem } from './environment-problem.ts';
import { homeFiles, readPorts, type Ports } from './home.ts';
import { withLog } from './logs.ts';
import {
  endProcess,
  findServer,
  findWorker,
  sharesOurNetwork,
  type FoundServer,
  type FoundWorker,
} from './processes.ts';
import { addressOf, bringUpServer, waitUntilServing } from './server.ts';
import type { StopRequest } from './stop-request.ts';
import { workerRecord } from './worker-record.ts';

const ADOPTION_LIMIT_MS = 15_000;
/** The worker's own grace is 11 min (SPEC R6). */
export const DRAIN_LIMIT_MS = 11.5 * 60_000;
export const SERVER_STOP_MS = 20_000;
const CLI = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));

/** What a supervisor works with, and whom it tells. */
export interface StackTools {
  home: string;
  binary: string;
  temporalVersion: string;
  /** A worker that is not to be adopted: a command found it made for another environment (SPEC G8). */
  replace: ProcessIdentity | null;
  stop: StopRequest;
  log: (message: string) => void;
  /** Told before and after a worker is waited for that finishes its paid calls. */
  onDrain: (isDraining: boolean) => Promise<void>;
}

/**
 * The server of this home. A running one is adopted, for a second one on the same database file would be answered by
 * nobody's complaint (DESIGN 2.11); one that doesn't serve us is ended first.
 */
export async function adoptOrStartServer(
  { home, binary, temporalVersion, stop, log }: StackTools,
  last: FoundServer | null,
): Promise<FoundServer> {
  if (last) await endProcess(last.identity, { graceMs: 0 });
  const orphan = await findServer(home);
  if (orphan !== null) {
    const serves = await waitUntilServing(orphan, binary, {
      timeoutMs: ADOPTION_LIMIT_MS,
      signal: stop.soft,
    });
    log(`server ${orphan.pid} runs already on port ${orphan.port}: ${serves}`);
    if (serves === 'serving') {
      await noteServed(home, temporalVersion, addressOf(orphan));
      return orphan;
    }
    await endProcess(orphan.identity, { graceMs: 10_000 });
  }
  const wanted = last ?? (await portsFor(home, await findWorker(home)));
  const order = { binary, temporalVersion, home, signal: stop.soft };
  const server = await bringUpServer({ ...order, ...(wanted && { wanted }) });
  log(`server ${server.pid} serves on port ${server.port}, Web UI on ${server.uiPort}`);
  return server;
}

/** The worker of this home. A running one is adopted unless something speaks against it; then it is drained first. */
export async function adoptOrStartWorker(tools: StackTools, address: string): Promise<FoundWorker> {
  const { home, stop, log, onDrain } = tools;
  const orphan = await findWorker(home);
  if (orphan !== null) {
    const objection = await objectionTo(orphan, tools, address);
    if (objection === null) {
      log(`worker ${orphan.pid} runs already`);
      return orphan;
    }
    log(`worker ${orphan.pid} ${objection}: waiting until it has finished its calls`);
    await onDrain(true);
    await endProcess(orphan.identity, { graceMs: DRAIN_LIMIT_MS, now: stop.now });
    await onDrain(false);
    stop.soft.throwIfAborted();
  }
  const worker = await startWorker(home, address);
  log(`worker ${worker.pid} started for ${address}`);
  return worker;
}

/** Server version for people and for the proof, as `1.9.1 (Server 1.32.0, …)`. */
export async function temporalVersion(binary: string): Promise<string> {
  const { stdout } = await promisify(execFile)(binary, ['--version'], { env: {}, timeout: 10_000 }).catch(
    () => ({
      stdout: 'unknown',
    }),
  );
  return stdout.trim().replace(/^temporal version /u, '');
}

async function objectionTo(
  worker: FoundWorker,
  { home, replace }: StackTools,
  address: string,
): Promise<string | null> {
  if (worker.address !== address || !(await sharesOurNetwork(worker.pid)))
    return `works for ${worker.address}, out of reach`;
  if (replace !== null && isSameProcess(worker.identity, replace)) return 'has another environment';
  const record = await workerRecord(home, worker.identity);
  return record?.phase === 'draining' ? 'was asked to end' : null;
}

async function startWorker(home: string, address: string): Promise<FoundWorker> {
  const child = withLog(homeFiles(home).logs.worker, (log) =>
    spawn(process.execPath, [CLI, 'worker', '--embedded-home', home, '--address', address], {
      cwd: home,
      detached: true,
      stdio: ['ignore', log, log],
    }),
  );
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid as number));
  });
  child.unref();
  const identity = identify(pid);
  if (identity === null)
    throw new EnvironmentProblem(`The worker ended at once; see ${homeFiles(home).logs.worker}.`);
  return { pid, identity, address };
}

/** A worker without a server waits for one at its old address. */
async function portsFor(home: string, worker: FoundWorker | null): Promise<Ports | null> {
  const port = Number(worker?.address.split(':').at(-1));
  if (!Number.isInteger(port) || port <= 0) return null;
  const kept = await readPorts(home);
  return kept?.port === port ? kept : { port, uiPort: port + 1000 };
}
