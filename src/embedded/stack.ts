/** The supervisor's two tools: get the server, get the worker; an orphan of an earlier supervisor comes first. */
import { execFile, spawn } from 'node:child_process';
import { readlink } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { identify } from '../host/process-identity.ts';
import { EnvironmentProblem } from './environment-problem.ts';
import { homeFiles, networkNamespace, withLog, type Ports } from './home.ts';
import { endProcess, findServer, findWorker, type FoundServer, type FoundWorker } from './processes.ts';
import { bringUpServer, waitUntilServing } from './server.ts';
import type { StopRequest } from './stop-request.ts';

const ADOPTION_LIMIT_MS = 15_000;
const DRAIN_LIMIT_MS = 11.5 * 60_000;
const CLI = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));

type Log = (message: string) => void;

/**
 * The server of this home. A running one is adopted, for a second one on the same database file would be answered by
 * nobody's complaint (DESIGN 2.11); one that doesn't serve us is ended first.
 */
export async function adoptOrStartServer(
  { home, binary, server: last }: { home: string; binary: string; server: FoundServer | null },
  stop: StopRequest,
  log: Log,
): Promise<FoundServer> {
  if (last) await endProcess(last.identity, { graceMs: 0 });
  const orphan = await findServer(home);
  if (orphan !== null) {
    const serves = await waitUntilServing(orphan, binary, {
      timeoutMs: ADOPTION_LIMIT_MS,
      signal: stop.soft,
    });
    log(`server ${orphan.pid} runs already on port ${orphan.port}: ${serves}`);
    if (serves === 'serving') return orphan;
    await endProcess(orphan.identity, { graceMs: 10_000 });
  }
  const wanted = last ?? portsFor(await findWorker(home));
  const server = await bringUpServer({ binary, home, signal: stop.soft, ...(wanted && { wanted }) });
  log(`server ${server.pid} serves on port ${server.port}, Web UI on ${server.uiPort}`);
  return server;
}

/** The worker of this home. A running one is adopted when it works for this server and network, else drained first. */
export async function adoptOrStartWorker(
  { home }: { home: string },
  address: string,
  stop: StopRequest,
  log: Log,
): Promise<FoundWorker> {
  const orphan = await findWorker(home);
  if (orphan !== null) {
    if (orphan.address === address && (await sharesOurNetwork(orphan.pid))) {
      log(`worker ${orphan.pid} runs already`);
      return orphan;
    }
    log(
      `worker ${orphan.pid} works for ${orphan.address}, out of reach: waiting until it has finished its calls`,
    );
    await endProcess(orphan.identity, { graceMs: DRAIN_LIMIT_MS, now: stop.now });
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
function portsFor(worker: FoundWorker | null): Ports | null {
  const port = Number(worker?.address.split(':').at(-1));
  return Number.isInteger(port) && port > 0 ? { port, uiPort: port + 1000 } : null;
}

async function sharesOurNetwork(pid: number): Promise<boolean> {
  const theirs = await readlink(`/proc/${pid}/ns/net`).catch(() => null);
  return theirs === (await networkNamespace());
}
