/**
 * The background process that keeps a home's Temporal server and worker running:
 * `node dist/embedded/supervisor.js <home> --temporal-cli <path>`. One per home, by its lock; it exits 0 when another one
 * has it. Server and worker live in sessions of their own and outlive it: the next supervisor adopts them.
 */
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { acquireLock } from '../host/lock.ts';
import { isRunning, type ProcessIdentity } from '../host/process-identity.ts';
import { EnvironmentProblem } from './environment-problem.ts';
import { homeFiles, networkNamespace, openHome, type EmbeddedState } from './home.ts';
import { IdleWatch } from './idle.ts';
import { rotateLogs } from './logs.ts';
import { endProcess, findServer, findWorker, type FoundServer, type FoundWorker } from './processes.ts';
import { PublishedState } from './published-state.ts';
import { addressOf } from './server.ts';
import {
  adoptOrStartServer,
  adoptOrStartWorker,
  DRAIN_LIMIT_MS,
  SERVER_STOP_MS,
  type StackTools,
  temporalVersion,
} from './stack.ts';
import { listenForStop } from './stop-request.ts';
import { workerRecord } from './worker-record.ts';

const TICK_MS = process.platform === 'linux' ? 250 : 1000;
/** Up for this long counts as healthy: the next restart is immediate again. */
const STEADY_MS = 10_000;
const BACKOFF_MS = { first: 200, longest: 5000 };
/** Failed starts in a row, before anything was ever ready, after which the person who waits should hear of it. */
const FIRST_START_TRIES = 5;
const ROTATE_EVERY_MS = 10_000;
let rotatedAtMs = 0;

interface Stack extends StackTools {
  server: FoundServer | null;
  worker: FoundWorker | null;
  state: PublishedState;
  idle: IdleWatch;
}

// Whatever the home's own mode: prompts and paths in the database and the logs are for their owner alone.
process.umask(0o077);
// A full disk must not end the process for want of a log line.
process.stderr.on('error', () => undefined);
process.exitCode = await superviseFromArguments();

async function superviseFromArguments(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { 'temporal-cli': { type: 'string' }, 'replace-worker': { type: 'string' } },
  });
  const [home] = positionals;
  const binary = values['temporal-cli'];
  if (home === undefined || binary === undefined) {
    process.stderr.write('usage: supervisor.js <home> --temporal-cli <path of the Temporal CLI>\n');
    return 2;
  }
  const replaced = values['replace-worker'];
  const replace = replaced === undefined ? null : (JSON.parse(replaced) as ProcessIdentity);
  return supervise(await openHome(home), binary, replace);
}

async function supervise(home: string, binary: string, replace: ProcessIdentity | null): Promise<number> {
  const lock = await acquireLock(homeFiles(home).lock);
  if (lock.kind === 'held') return 0;
  const stack = await firstStack(home, binary, replace);
  const { stop, state } = stack;
  log(`supervisor ${process.pid} of ${home} starts`);
  try {
    await state.move('taken over');
    // Whoever asks twice must see at once that it stops already: a second SIGTERM means "now".
    const told = () => void state.move('stop asked', { stopReason: 'asked' });
    if (stop.soft.aborted) told();
    stop.soft.addEventListener('abort', told);
    await keepRunning(stack);
    if (stop.soft.aborted) await shutDown(stack);
    else await state.move('left alone');
    return 0;
  } catch (error) {
    const { message, final = false } = error as Partial<EnvironmentProblem> & Error;
    log(`gives up: ${message}`);
    await endProcesses(stack);
    await state.move('gave up', { ...partsOf(stack), problem: { message, final } });
    return 1;
  } finally {
    await stop.close();
    await lock.release();
  }
}

/** Start what is missing, again and again, until asked to end. Throws when that can't help or never did. */
async function keepRunning(stack: Stack): Promise<void> {
  const { stop } = stack;
  const restarts = { failures: 0, startedAt: Date.now(), everReady: false };
  while (!stop.soft.aborted && !stop.retire.aborted) {
    if (isUp(stack.server) && isUp(stack.worker)) {
      await tellReadiness(stack, stack.worker);
      restarts.everReady ||= stack.state.phase === 'ready';
      if (restarts.everReady && Date.now() - restarts.startedAt > STEADY_MS) restarts.failures = 0;
      await stopWhenIdle(stack, stack.server);
      rotateLogsNowAndThen(stack.home);
      await stop.wait(TICK_MS);
      continue;
    }
    if (!restarts.everReady && restarts.failures >= FIRST_START_TRIES) throw neverReady(stack);
    await tellEnded(stack);
    if (restarts.failures > 0) await stop.wait(backoffMs(restarts.failures));
    if (stop.soft.aborted || stop.retire.aborted) return;
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
  if (gone.length > 0) await stack.state.move('part ended');
}

async function startMissing(stack: Stack): Promise<void> {
  const { stop, state } = stack;
  try {
    const server = isUp(stack.server) ? stack.server : await adoptOrStartServer(stack, stack.server);
    stack.server = server;
    await state.note(partsOf(stack));
    stop.soft.throwIfAborted();
    const address = addressOf(server);
    if (!isUp(stack.worker) || stack.worker.address !== address) {
      stack.worker = await adoptOrStartWorker(stack, address);
    }
    await state.note(partsOf(stack));
  } catch (error) {
    if (stop.soft.aborted) return;
    const { message, final = false } = error as Partial<EnvironmentProblem> & Error;
    if (final) throw error;
    log(message);
    await state.note({ problem: { message, final } });
  }
}

async function tellReadiness({ home, state }: Stack, worker: FoundWorker): Promise<void> {
  const record = await workerRecord(home, worker.identity);
  const isReady = record?.phase === 'ready';
  if (isReady === (state.phase === 'ready')) return;
  if (!isReady) await state.move('part ended');
  else if (await state.move('both ready')) await state.forgetProblem();
}

/** See `idle.ts` for why the last look comes after the phase was published. */
async function stopWhenIdle({ idle, state, stop }: Stack, server: FoundServer): Promise<void> {
  if (state.phase !== 'ready' || !(await idle.isIdle(addressOf(server), stop.soft))) return;
  await state.move('idle', { stopReason: 'idle' });
  const isWanted = await idle.isUsedAgain();
  if (isWanted && !stop.soft.aborted) await state.move('used');
  else stop.ask();
}

/** Workers finish their calls first, and need the server to hand them in. */
async function shutDown(stack: Stack): Promise<void> {
  log('stops');
  await endProcesses(stack);
  await stack.state.move('stopped', { server: null, worker: null });
  await rm(homeFiles(stack.home).state, { force: true });
  log('stopped');
}

/** By command line, so that what was interrupted in the middle of its start is ended too. */
async function endProcesses({ home, stop, onDrain }: Stack): Promise<void> {
  const worker = await findWorker(home);
  if (worker) {
    await onDrain(true);
    await endProcess(worker.identity, { graceMs: DRAIN_LIMIT_MS, now: stop.now });
    await onDrain(false);
  }
  const server = await findServer(home);
  if (server) await endProcess(server.identity, { graceMs: SERVER_STOP_MS });
}

function partsOf({ server, worker }: Stack): Pick<EmbeddedState, 'server' | 'worker' | 'address' | 'webUi'> {
  return {
    server: server && { pid: server.pid, port: server.port, uiPort: server.uiPort },
    worker: worker && { pid: worker.pid },
    address: server && addressOf(server),
    webUi: server && `http://127.0.0.1:${server.uiPort}`,
  };
}

async function firstStack(home: string, binary: string, replace: ProcessIdentity | null): Promise<Stack> {
  const version = await temporalVersion(binary);
  const first: EmbeddedState = {
    status: 'down',
    supervisor: { pid: process.pid },
    server: null,
    worker: null,
    draining: false,
    address: null,
    webUi: null,
    netns: await networkNamespace(),
    startedAt: new Date().toISOString(),
    temporalVersion: version,
  };
  const state = new PublishedState(home, first, log);
  return {
    home,
    binary,
    temporalVersion: version,
    replace,
    state,
    log,
    stop: await listenForStop(homeFiles(home).stopNow),
    onDrain: (isDraining) => state.note({ draining: isDraining }),
    idle: new IdleWatch(home, binary),
    server: null,
    worker: null,
  };
}

function isUp<T extends FoundServer | FoundWorker>(found: T | null): found is T {
  return found !== null && isRunning(found.identity);
}

function backoffMs(failures: number): number {
  return Math.min(BACKOFF_MS.longest, BACKOFF_MS.first * 2 ** (failures - 1));
}

function neverReady({ state, worker }: Stack): EnvironmentProblem {
  const what = worker === null ? 'the Temporal server' : 'the worker';
  return new EnvironmentProblem(
    state.problem?.message ?? `${what} ended ${FIRST_START_TRIES} times before it was ready`,
  );
}

function rotateLogsNowAndThen(home: string): void {
  if (Date.now() - rotatedAtMs < ROTATE_EVERY_MS) return;
  rotatedAtMs = Date.now();
  try {
    rotateLogs(home);
  } catch (error) {
    log(`logs not rotated: ${(error as Error).message}`);
  }
}

function log(message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${message}\n`);
}
