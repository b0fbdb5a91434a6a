/** Composition root: settings become dependencies, dependencies activities, activities two workers in one process. */
import { join } from 'node:path';
import { type NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { pino } from 'pino';
import { createPaidActivities, createRecordingActivities } from './activities/index.ts';
import type { ActivityDeps } from './activities/deps.ts';
import { WorkerSlots } from './activities/worker-slots.ts';
import { Spool } from './artifacts/spool.ts';
import { allowedRoots, outputRoots, resolveProvider, type Settings } from './config.ts';
import { BATCH_LIMITS } from './domain/batch.ts';
import { TASK_QUEUES } from './domain/messages.ts';
import { UnreachableStorage } from './temporal/external-payloads.ts';
import { createSecrets } from './provider/secrets.ts';
import { jsonText, replaceProjection } from './host/durable-file.ts';
import { temporalConnection, type TemporalTarget } from './temporal/target.ts';
import { connectPatiently } from './worker-connection.ts';
import { installRuntime } from './worker-log.ts';

/** `main` runs workflows and cheap activities, `api` the paid calls, `all` both (DESIGN 1). */
export type WorkerRole = 'all' | 'main' | 'api';

export interface WorkerSetup {
  settings: Settings;
  target: TemporalTarget;
  role: WorkerRole;
  /** The shared background worker of this home: wider folders, and a file that tells when it polls. */
  embedded: boolean;
}

/** Time for paid calls to end after SIGTERM (SPEC R6): a request limit and what comes after it. */
const SHUTDOWN_GRACE = '11 minutes';

/** Polls until SIGTERM or SIGINT; then takes no new paid call, lets those in flight end and their records be written. */
export async function runWorker(setup: WorkerSetup): Promise<void> {
  const log = pino({ base: { pid: process.pid } });
  installRuntime(log);
  const stop = stopSignal();
  const { connectionOptions, namespace } = temporalConnection(setup.target);
  const connection = await Promise.race([connectPatiently(setup.target, log), stop]);
  if (connection === 'stop') return;
  const workers = await createWorkers(setup, connection, namespace);
  const runs = workers.map((worker) => worker.run());
  log.info({ address: connectionOptions.address, namespace, role: setup.role }, 'worker polls');
  if (setup.embedded)
    await replaceProjection(
      join(setup.settings.home, 'worker.json'),
      jsonText({ pid: process.pid, ready: true }),
    );
  await stop;
  log.info('worker drains: no new paid call; those in flight end first');
  await drainInTurn(workers, runs);
  await connection.close();
  log.info('worker ended');
}

/** The lane of paid calls first, then the one of workflows and records. */
export function createWorkers(
  setup: Pick<WorkerSetup, 'settings' | 'role' | 'embedded'>,
  connection: NativeConnection,
  namespace: string,
): Promise<Worker[]> {
  const deps = activityDeps(setup);
  return Promise.all(
    (['api', 'main'] as const)
      .filter((role) => setup.role === 'all' || setup.role === role)
      .map((role) => Worker.create({ connection, namespace, ...workerOptions(role, setup.settings, deps) })),
  );
}

function workerOptions(
  role: 'api' | 'main',
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
        maxHeartbeatThrottleInterval: '5s',
        shutdownGraceTime: '30s',
      };
  }
}

function activityDeps({ settings, embedded }: Pick<WorkerSetup, 'settings' | 'embedded'>): ActivityDeps {
  const secrets = createSecrets();
  return {
    spool: new Spool(settings.spoolDir),
    slots: new WorkerSlots(),
    resolveProvider: async (name) => {
      const provider = await resolveProvider(settings, name);
      secrets.remember(provider.secrets);
      return provider;
    },
    redact: secrets.redact,
    redactBody: secrets.redactBody,
    defaults: settings.defaults,
    inputRoots: () => allowedRoots(settings, { embedded }),
    outputRoots: () => outputRoots(settings, { embedded }),
    heartbeatTimeoutMs: settings.heartbeatTimeoutMs,
  };
}

function stopSignal(): Promise<'stop'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve('stop'));
  });
}

/** Paid calls first; workflows and records go on until nothing of theirs is left to write. */
async function drainInTurn(workers: Worker[], runs: Promise<void>[]): Promise<void> {
  const paid = workers.filter((worker) => worker.options.taskQueue === TASK_QUEUES.api);
  for (const worker of paid) worker.shutdown();
  await Promise.all(runs.filter((_, i) => paid.includes(workers[i] as Worker)));
  for (const worker of workers.filter((worker) => !paid.includes(worker))) {
    await untilQuiet(worker);
    worker.shutdown();
  }
  await Promise.all(runs);
}

const QUIET_MS = 1_000;
const QUIET_LIMIT_MS = 20_000;

async function untilQuiet(worker: Worker): Promise<void> {
  const limit = Date.now() + QUIET_LIMIT_MS;
  for (let quietSince = Date.now(); Date.now() - quietSince < QUIET_MS && Date.now() < limit;) {
    const { numInFlightActivities, numInFlightWorkflowActivations } = worker.getStatus();
    if (numInFlightActivities > 0 || numInFlightWorkflowActivations > 0) quietSince = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
