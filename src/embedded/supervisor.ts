/**
 * The background process that keeps a home's Temporal server and worker running:
 * `node dist/embedded/supervisor.js <home> --temporal-cli <path>`. One per home, by its lock; it exits 0 when another one
 * has it. Server and worker live in sessions of their own and outlive it: the next supervisor adopts them.
 */
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { acquireLock } from '../host/lock.ts';
import { isRunning } from '../host/process-identity.ts';
import { EnvironmentProblem } from './environment-problem.ts';
import {
  homeFiles,
  networkNamespace,
  openHome,
  workerIsReady,
  writeState,
  type EmbeddedState,
} from './home.ts';
import { endProcess, findServer, findWorker, type FoundServer, type FoundWorker } from './processes.ts';
import { adoptOrStartServer, adoptOrStartWorker, temporalVersion } from './stack.ts';
import { listenForStop, type StopRequest } from './stop-request.ts';

const SCHEMA_VERSION = 1;
const TICK_MS = process.platform === 'linux' ? 250 : 1000;
/** Up for this long counts as healthy: the next restart is immediate again. */
const STEADY_MS = 10_000;
const BACKOFF_MS = { first: 200, longest: 5000 };
/** Failed starts in a row, before anything was ever ready, after which the person who waits should hear of it. */
const FIRST_START_TRIES = 5;
/** The worker's own grace is 11 min (SPEC R6). */
const DRAIN_LIMIT_MS = 11.5 * 60_000;
const SERVER_STOP_MS = 20_000;

interface Stack {
  home: string;
  binary: string;
  server: FoundServer | null;
  worker: FoundWorker | null;
  state: EmbeddedState;
  stop: StopRequest;
}

process.exitCode = await superviseFromArguments();

async function superviseFromArguments(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { 'temporal-cli': { type: 'string' } },
  });
  const [home] = positionals;
  const binary = values['temporal-cli'];
  if (home === undefined || binary === undefined) {
    process.stderr.write('usage: supervisor.js <home> --temporal-cli <path of the Temporal CLI>\n');
    return 2;
  }
  return supervise(await openHome(home), binary);
}

async function supervise(home: string, binary: string): Promise<number> {
  const lock = await acquireLock(homeFiles(home).lock);
  if (lock.kind === 'held') return 0;
  const stop = await listenForStop(homeFiles(home).stopNow);
  const stack: Stack = { home, binary, server: null, worker: null, state: await firstState(binary), stop };
  // Whoever asks twice must see at once that it stops already: a second SIGTERM means "now".
  stop.soft.addEventListener('abort', () => void publish(stack, {}));
  log(`supervisor ${process.pid} of ${home} starts`);
  try {
    await publish(stack, {});
    await keepRunning(stack);
    await shutDown(stack);
    return 0;
  } catch (error) {
    log(`gives up: ${(error as Error).message}`);
    await endProcesses(stack);
    await publish(stack, { status: 'failed', error: (error as Error).message });
    return 1;
  } finally {
    await stop.close();
    await lock.release();
  }
}

/** Start what is missing, again and again, until asked to stop. Throws only when nothing ever got ready. */
async function keepRunning(stack: Stack): Promise<void> {
  const { stop } = stack;
  const restarts = { failures: 0, startedAt: Date.now(), everReady: false };
  while (!stop.soft.aborted) {
    if (isUp(stack.server) && isUp(stack.worker)) {
      await publishReadiness(stack);
      restarts.everReady ||= stack.state.status === 'ready';
      if (restarts.everReady && Date.now() - restarts.startedAt > STEADY_MS) restarts.failures = 0;
      await stop.wait(TICK_MS);
      continue;
    }
    if (!restarts.everReady && restarts.failures >= FIRST_START_TRIES) throw neverReady(stack);
    await tellEnded(stack);
    if (restarts.failures > 0) await stop.wait(backoffMs(restarts.failures));
    if (stop.soft.aborted) return;
    restarts.failures += 1;
    restarts.startedAt = Date.now();
    await startMissing(stack);
  }
}

async function tellEnded(stack: Stack): Promise<void> {
  const gone = [stack.server, stack.worker]
    .filter((last) => last !== null)
    .filter(({ identity }) => !isRunning(identity));
  for (const { pid } of gone) log(`process ${pid} has ended; starting it again`);
  if (gone.length > 0) await publish(stack, { status: 'starting' });
}

async function startMissing(stack: Stack): Promise<void> {
  const { stop } = stack;
  try {
    const server = isUp(stack.server) ? stack.server : await adoptOrStartServer(stack, stop, log);
    stack.server = server;
    await publish(stack, {});
    stop.soft.throwIfAborted();
    const address = addressOf(server);
    if (!isUp(stack.worker) || stack.worker.address !== address) {
      stack.worker = await adoptOrStartWorker(stack, address, stop, log);
    }
    await publish(stack, {});
  } catch (error) {
    if (stop.soft.aborted) return;
    log((error as Error).message);
    await publish(stack, { error: (error as Error).message });
  }
}

/** Workers finish their calls first, and need the server to hand them in. */
async function shutDown(stack: Stack): Promise<void> {
  log('stops');
  await publish(stack, {});
  await endProcesses(stack);
  await rm(homeFiles(stack.home).state, { force: true });
  log('stopped');
}

/** By command line, so that what was interrupted in the middle of its start is ended too. */
async function endProcesses({ home, stop }: Stack): Promise<void> {
  const worker = await findWorker(home);
  if (worker) await endProcess(worker.identity, { graceMs: DRAIN_LIMIT_MS, now: stop.now });
  const server = await findServer(home);
  if (server) await endProcess(server.identity, { graceMs: SERVER_STOP_MS });
}

async function publishReadiness(stack: Stack): Promise<void> {
  const ready = stack.worker !== null && (await workerIsReady(stack.home, stack.worker.pid));
  const status = ready ? 'ready' : 'starting';
  if (stack.state.status === status) return;
  if (ready) delete stack.state.error;
  await publish(stack, { status });
  log(`${status}: server ${stack.server?.pid ?? '-'}, worker ${stack.worker?.pid ?? '-'}`);
}

async function publish(stack: Stack, change: Partial<EmbeddedState>): Promise<void> {
  const { server, worker } = stack;
  Object.assign(stack.state, change, stack.stop.soft.aborted && { status: 'stopping' }, {
    server: server && { pid: server.pid, port: server.port, uiPort: server.uiPort },
    worker: worker && { pid: worker.pid },
    address: server && addressOf(server),
    webUi: server && `http://127.0.0.1:${server.uiPort}`,
  });
  await writeState(stack.home, stack.state);
}

async function firstState(binary: string): Promise<EmbeddedState> {
  return {
    schema_version: SCHEMA_VERSION,
    status: 'starting',
    supervisor: { pid: process.pid },
    server: null,
    worker: null,
    address: null,
    webUi: null,
    netns: await networkNamespace(),
    startedAt: new Date().toISOString(),
    temporalVersion: await temporalVersion(binary),
  };
}

function isUp<T extends FoundServer | FoundWorker>(found: T | null): found is T {
  return found !== null && isRunning(found.identity);
}

function addressOf(server: FoundServer): string {
  return `127.0.0.1:${server.port}`;
}

function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MS.longest, BACKOFF_MS.first * 2 ** (failures - 1));
}

function neverReady({ state, worker }: Stack): EnvironmentProblem {
  const what = worker === null ? 'the Temporal server' : 'the worker';
  return new EnvironmentProblem(
    state.error ?? `${what} ended ${FIRST_START_TRIES} times before it was ready`,
  );
}

function log(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`);
}
