/** Composition root: settings become dependencies, dependencies activities, activities two workers in one process. */
import { join } from 'node:path';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { type DestinationStream, type Logger, pino } from 'pino';
import { createPaidActivities, createRecordingActivities } from './activities/index.ts';
import type { ActivityDeps } from './activities/deps.ts';
import { WorkerSlots } from './activities/worker-slots.ts';
import { SigningKeys } from './artifacts/signing-keys.ts';
import { Spool } from './artifacts/spool.ts';
import { cleanSpool, type Cleanup } from './artifacts/spool-cleanup.ts';
import { allowedRoots, outputRoots, resolveProvider, type Settings } from './config.ts';
import { BATCH_LIMITS } from './domain/batch.ts';
import { TASK_QUEUES } from './domain/messages.ts';
import { WorkerVoice } from './embedded/worker-voice.ts';
import { ProviderLanes } from './provider/lane.ts';
import { createSecrets } from './provider/secrets.ts';
import { UnreachableStorage } from './temporal/external-payloads.ts';
import { sdk } from './temporal/sdk.ts';
import { temporalConnection, type TemporalTarget } from './temporal/target.ts';
import { giveBackOrphans, noteAttempts } from './worker/attempts-under-way.ts';
import { connectPatiently } from './worker/connection.ts';
import { drainInTurn, type LaneRole, type Server, startLanes } from './worker/lanes.ts';
import { installRuntime } from './worker/log.ts';
import { repeat } from './worker/repeat.ts';

/** `main` runs workflows and cheap activities, `api` the paid calls, `all` both (DESIGN 1). */
export type WorkerRole = LaneRole | 'all';

export interface WorkerSetup {
  settings: Settings;
  target: TemporalTarget;
  role: WorkerRole;
  /** The shared background worker of this home: wider folders, and a file that tells when it polls. */
  embedded: boolean;
}

/** Time for paid calls to end after SIGTERM (SPEC R6): a request limit and what comes after it. Containers wait longer. */
export const SHUTDOWN_GRACE = '11 minutes';

/** Polls until SIGTERM or SIGINT; then takes no new paid call, lets those in flight end and their records be written. */
export async function runWorker(setup: WorkerSetup): Promise<void> {
  const log = pino({ base: { pid: process.pid } }, logDestination());
  installRuntime(log);
  const stop = stopSignal();
  const voice = setup.embedded ? new WorkerVoice(setup.settings) : null;
  const { connectionOptions, namespace } = temporalConnection(setup.target);
  const connection = await Promise.race([connectPatiently(setup.target, log), aborted(stop)]);
  if (connection === null) return;
  const server = { connection, namespace };
  log.info({ address: connectionOptions.address, namespace, role: setup.role }, 'worker starts');
  void giveBack(setup.settings, server, log);
  let isStarting = true;
  const isHeld = async () => isStarting && voice !== null && voice.isHeld();
  const deps = activityDeps(setup, { leaving: stop, isHeld });
  const lanes = await startLanes(rolesOf(setup), (role) => createLaneWorker(role, setup, server, deps), {
    server,
    voice,
    signal: stop,
    log,
  });
  isStarting = false;
  // The spool is that of the lane of paid calls.
  if (lanes.api !== null)
    void repeat('cleaning the spool', spoolCleaning(setup.settings, log, stop), { signal: stop, log });
  await aborted(stop);
  log.info('worker drains: no new paid call; those in flight end first');
  voice?.say({ phase: 'draining', api_lane: 'polls' });
  await drainInTurn(lanes);
  await connection.close();
  log.info('worker ended');
}

/** What a worker of this home had in hand when it died: nobody needs to wait for its heartbeat timeout. */
async function giveBack(settings: Settings, server: Server, log: Logger): Promise<void> {
  const client = new sdk.Client(server);
  const { attempts, problems } = await giveBackOrphans(attemptsFolder(settings), server.namespace, client);
  for (const problem of problems) log.warn(`not given back: ${problem}`);
  if (attempts > 0) log.info({ attempts }, 'attempts of a worker that died are given back');
}

function attemptsFolder({ home }: Settings): string {
  return join(home, 'attempts');
}

const CLEAN_AGAIN_MS = { rest: 10 * 60_000, all: 24 * 3_600_000 };

/** Passes over the spool, each with what it did in the log; they go on where the one before ended. */
function spoolCleaning(settings: Settings, log: Logger, signal: AbortSignal): () => Promise<number> {
  const spool = new Spool(settings.spoolDir);
  let after: string | null = null;
  return async () => {
    const { spoolRetentionMs: retentionMs } = settings;
    const done = await cleanSpool(spool, { retentionMs, nowMs: Date.now(), after, signal });
    logCleanup(done, log);
    ({ after } = done);
    return after === null ? CLEAN_AGAIN_MS.all : CLEAN_AGAIN_MS.rest;
  };
}

const PROBLEMS_TOLD = 20;

function logCleanup({ problems, removedBytes, lookedAt, ...done }: Cleanup, log: Logger): void {
  for (const problem of problems.slice(0, PROBLEMS_TOLD)) log.warn(`left in the spool: ${problem}`);
  log.info(
    {
      looked_at: lookedAt,
      removed: done.removed,
      removed_bytes: removedBytes,
      temporary: done.strays,
      unrecorded: done.unrecorded,
      problems: problems.length,
    },
    'spool cleaned',
  );
}

/** The lane of paid calls first, then the one of workflows and records. */
export function createWorkers(
  setup: Pick<WorkerSetup, 'settings' | 'role' | 'embedded'>,
  connection: NativeConnection,
  namespace: string,
): Promise<Worker[]> {
  const deps = activityDeps(setup, {
    leaving: new AbortController().signal,
    isHeld: () => Promise.resolve(false),
  });
  return Promise.all(
    rolesOf(setup).map((role) => createLaneWorker(role, setup, { connection, namespace }, deps)),
  );
}

function rolesOf({ role }: Pick<WorkerSetup, 'role'>): readonly LaneRole[] {
  return role === 'all' ? ['api', 'main'] : [role];
}

function createLaneWorker(
  role: LaneRole,
  { settings }: Pick<WorkerSetup, 'settings'>,
  { connection, namespace }: Server,
  deps: ActivityDeps,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace,
    interceptors: { activity: [noteAttempts(attemptsFolder(settings), namespace)] },
    ...workerOptions(role, settings, deps),
  });
}

function workerOptions(
  role: LaneRole,
  settings: Settings,
  deps: ActivityDeps,
): Omit<WorkerOptions, 'connection'> {
  switch (role) {
    case 'api':
      return {
        taskQueue: TASK_QUEUES.api,
        activities: createPaidActivities(deps),
        // The provider-wide cap is a property of this lane (SPEC B1).
        maxConcurrentActivityTaskExecutions: BATCH_LIMITS.maxWorkers,
        // A cancel reaches an activity with its next heartbeat (SPEC B7: within 10 s).
        maxHeartbeatThrottleInterval: '5s',
        shutdownGraceTime: SHUTDOWN_GRACE,
      };
    case 'main':
      return {
        taskQueue: TASK_QUEUES.main,
        workflowBundle: { codePath: join(settings.packageRoot, 'dist', 'workflow-bundle.js') },
        activities: createRecordingActivities(deps),
        dataConverter: { externalStorage: new UnreachableStorage() },
        maxCachedWorkflows: 200,
        // So long what comes for a workflow waits for the worker that knew it, before another one is asked: one that was
        // killed never answers.
        stickyQueueScheduleToStartTimeout: '3s',
        maxHeartbeatThrottleInterval: '5s',
        shutdownGraceTime: '30s',
      };
  }
}

function activityDeps(
  { settings, embedded }: Pick<WorkerSetup, 'settings' | 'embedded'>,
  ofProcess: Pick<ActivityDeps, 'leaving' | 'isHeld'>,
): ActivityDeps {
  const secrets = createSecrets();
  return {
    spool: new Spool(settings.spoolDir),
    keys: new SigningKeys(join(settings.home, 'keys')),
    slots: new WorkerSlots(),
    lanes: new ProviderLanes(),
    ...ofProcess,
    resolveProvider: async (name, model) => {
      const provider = await resolveProvider(settings, name, model);
      secrets.remember(provider.secrets);
      return provider;
    },
    redact: secrets.redact,
    redactLong: secrets.redactLong,
    redactBody: secrets.redactBody,
    // Read anew for each order, as the provider entries are.
    get defaults() {
      return settings.defaults;
    },
    prices: () => settings.prices,
    allowMock: settings.allowMock,
    inputRoots: () => allowedRoots(settings, { embedded }),
    outputRoots: () => outputRoots(settings, { embedded }),
    heartbeatTimeoutMs: settings.heartbeatTimeoutMs,
  };
}

/** A log on a full disk loses lines, not the worker. */
function logDestination(): DestinationStream {
  return pino.destination({ fd: 1, sync: true }).on('error', () => undefined);
}

/**
 * Fires with SIGTERM or Ctrl-C. Another SIGTERM changes nothing: two may ask a worker to end, and its calls are paid. A
 * second Ctrl-C ends it at once.
 */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort());
  process.once('SIGINT', () => stop.abort());
  return stop.signal;
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}
