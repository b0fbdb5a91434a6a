/** Temporal's own dev server with a database file (DESIGN 2.11): ports, arguments, and when it really serves. */
import { execFile, spawn } from 'node:child_process';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { SEARCH_ATTRIBUTES } from '../domain/search-attributes.ts';
import { identify, isRunning, type ProcessIdentity } from '../host/process-identity.ts';
import { databaseTrouble, noteServed, refuseNewerDatabase, setAsideUnserved } from './database.ts';
import { EnvironmentProblem } from './environment-problem.ts';
import { homeFiles, writePorts, type Ports } from './home.ts';
import { logSince, logSize, logTail, withLog } from './logs.ts';
import { areFree, DEFAULT_PORTS, portChoices } from './ports.ts';
import { endProcess, listensOn, type FoundServer } from './processes.ts';

const run = promisify(execFile);

const SAME_PORT_TRIES = 5;
const START_LIMIT_MS = 30_000;
/** 90 days; the dev server's own default forgets finished batches after 24 h. */
const RETENTION = '2160h';

const DYNAMIC_CONFIG = {
  // The default of 20 queue polls a second costs 40 ms per hop.
  'history.transferProcessorMaxPollRPS': '10000',
  'history.transferProcessorMaxPollHostRPS': '100000',
  'matching.enableFairness': 'true',
  // Fairness acts within one partition: with the default of 4 a short queue would see little of it.
  'matching.numTaskqueueReadPartitions': '1',
  'matching.numTaskqueueWritePartitions': '1',
  // No calls to the outside.
  'frontend.enableServerVersionCheck': 'false',
};

interface ServerOrder {
  binary: string;
  /** As the binary says it. */
  temporalVersion: string;
  home: string;
  /** Ports of the server that a worker waits for. */
  wanted?: Ports;
  /** Ends the attempt; the server may be left behind half-started. */
  signal?: AbortSignal;
}

/**
 * Start the server of a home and wait until it serves; who loses the race for a port goes on with the next choice. The
 * caller holds the home's lock and has found no server.
 * @throws EnvironmentProblem when the database can't be used, or no start succeeds, with the end of the server's log.
 */
export async function bringUpServer(order: ServerOrder): Promise<FoundServer> {
  const { binary, home, temporalVersion } = order;
  const { logs } = homeFiles(home);
  await refuseNewerDatabase(home, temporalVersion);
  for await (const ports of portChoices(home, order.wanted)) {
    const outcome = await tryPorts(order, ports);
    if (outcome === 'port taken') continue;
    if (outcome === 'failed') break;
    if (ports.port !== DEFAULT_PORTS.port)
      await writePorts(home, { port: outcome.port, uiPort: outcome.uiPort });
    await noteServed(home, temporalVersion, addressOf(outcome));
    return outcome;
  }
  throw new EnvironmentProblem(
    `The Temporal dev server did not start (${binary}, home ${home}).\nEnd of ${logs.server}:\n${await logTail(logs.server, 8)}`,
  );
}

export function addressOf({ port }: Ports): string {
  return `127.0.0.1:${port}`;
}

/** Spawn the server in a session of its own, so that neither our end nor that of a terminal takes it along. */
export async function startServer(order: {
  binary: string;
  home: string;
  ports: Ports;
  logFile: string;
}): Promise<FoundServer> {
  const child = withLog(order.logFile, (log) =>
    // No environment: neither TEMPORAL_* settings nor anybody's secrets belong into this process.
    spawn(order.binary, serverArguments(order.home, order.ports), {
      cwd: order.home,
      detached: true,
      stdio: ['ignore', log, log],
      env: {},
    }),
  );
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('error', (error) =>
      reject(new EnvironmentProblem(`The Temporal binary ${order.binary} can't be run: ${error.message}.`)),
    );
    child.once('spawn', () => resolve(child.pid as number));
  });
  child.unref();
  const { port, uiPort } = order.ports;
  return { pid, identity: identify(pid) ?? endedAlready(pid), port, uiPort };
}

/**
 * Wait until this very process answers on its port and keeps finished workflows for 90 days.
 * `ended`: it is gone (a port was taken, the database is unusable; its log says which). Rejects when `signal` fires.
 */
export async function waitUntilServing(
  server: FoundServer,
  binary: string,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<'serving' | 'ended' | 'timed out'> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    if (!isRunning(server.identity)) return 'ended';
    // The port may be served by somebody who was faster: health alone would be theirs.
    if ((await listensOn(server.pid, server.port)) && (await isServing(binary, server.port)))
      return 'serving';
    await sleep(50);
  }
  return 'timed out';
}

/** A server that ends although its ports are free is tried again: an earlier one, just killed, may still hold the database. */
async function tryPorts(
  { binary, home, signal }: ServerOrder,
  ports: Ports,
): Promise<FoundServer | 'port taken' | 'failed'> {
  const logFile = homeFiles(home).logs.server;
  for (let attempt = 1; attempt <= SAME_PORT_TRIES; attempt++) {
    signal?.throwIfAborted();
    await setAsideUnserved(home);
    const logBefore = logSize(logFile);
    const server = await startServer({ binary, home, ports, logFile });
    const outcome = await waitUntilServing(server, binary, {
      timeoutMs: START_LIMIT_MS,
      ...(signal && { signal }),
    });
    if (outcome === 'serving') return server;
    await endProcess(server.identity, { graceMs: 5000 });
    const trouble = await databaseTrouble(home, await logSince(logFile, logBefore));
    if (trouble !== null) throw trouble;
    if (outcome === 'timed out') return 'failed';
    if (!(await areFree(ports))) return 'port taken';
    await sleep(attempt * 250);
  }
  return 'failed';
}

function serverArguments(home: string, { port, uiPort }: Ports): string[] {
  const options: [name: string, value: string][] = [
    ['--db-filename', homeFiles(home).database],
    ['--ip', '127.0.0.1'],
    ['--port', String(port)],
    ['--ui-port', String(uiPort)],
    ['--log-level', 'warn'],
    ['--sqlite-pragma', 'journal_mode=WAL'],
  ];
  for (const name of SEARCH_ATTRIBUTES) options.push(['--search-attribute', `${name}=Keyword`]);
  for (const [key, value] of Object.entries(DYNAMIC_CONFIG))
    options.push(['--dynamic-config-value', `${key}=${value}`]);
  return ['server', 'start-dev', ...options.flat()];
}

async function isServing(binary: string, port: number): Promise<boolean> {
  const target = ['--address', `127.0.0.1:${port}`, '--command-timeout', '5s'];
  const options = { env: {}, timeout: 10_000 };
  try {
    const health = await run(binary, ['operator', 'cluster', 'health', ...target], options);
    if (health.stdout.trim() !== 'SERVING') return false;
    await run(
      binary,
      ['operator', 'namespace', 'update', '-n', 'default', '--retention', RETENTION, ...target],
      options,
    );
    return true;
  } catch {
    return false;
  }
}

/** Stands for a process that ended before we could look: never running. */
function endedAlready(pid: number): ProcessIdentity {
  return { host: hostname(), boot_id: '', pid, start_time: 'ended' };
}
