/** The two lanes of a worker process: when each begins to poll, and how they end in turn (DESIGN 1, SPEC R6, C5). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { NativeConnection, Worker } from '@temporalio/worker';
import { WORKFLOW_TYPES } from '../domain/messages.ts';
import type { Logger } from 'pino';
import { sdk } from '../temporal/sdk.ts';

interface Lane {
  worker: Worker;
  /** Null before it polls. */
  run: Promise<void> | null;
}

export type LaneRole = keyof Lanes;

export interface Lanes {
  /** Paid calls. */
  api: Lane | null;
  /** Workflows and records. */
  main: Lane | null;
}

/** Whom a worker process works for: one connection for both lanes. */
export interface Server {
  connection: NativeConnection;
  namespace: string;
}

/** Who holds the paid calls back (SPEC C5), and who hears that this worker is ready. */
interface Voice {
  isHeld(): Promise<boolean>;
  say(said: { phase: 'ready'; api_lane: 'polls' | 'held' }): void;
}

interface LaneStart {
  server: Server;
  /** Null where nobody asks. */
  voice: Voice | null;
  /** No paid call begins any more. */
  signal: AbortSignal;
  log: Logger;
}

/**
 * The lane of paid calls polls as soon as it can: it needs no thread for workflows, whose start takes a third of a worker's.
 * What was called meanwhile is not given up when that thread can't be had. @throws what `create` throws
 */
export async function startLanes(
  roles: readonly LaneRole[],
  create: (role: LaneRole) => Promise<Worker>,
  { server, voice, signal, log }: LaneStart,
): Promise<Lanes> {
  const laneOf = async (role: LaneRole): Promise<Lane | null> =>
    roles.includes(role) ? { worker: await create(role), run: null } : null;
  const lanes: Lanes = { api: await laneOf('api'), main: null };
  if (!(await voice?.isHeld())) startPaidLane(lanes.api, signal);
  lanes.main = await laneOf('main').catch(async (error: Error) => {
    log.error({ error: error.message }, 'no workflows can be run; paid calls in flight end first');
    await drainInTurn(lanes);
    throw error;
  });
  startLane(lanes.main);
  log.info('worker polls');
  if (voice !== null && lanes.main !== null && (await voice.isHeld())) {
    log.info('paid calls wait: a message is delivered first');
    voice.say({ phase: 'ready', api_lane: 'held' });
    await untilMessagesDelivered(lanes.main, server, { isHeld: () => voice.isHeld(), signal });
    log.info('paid calls begin');
  }
  startPaidLane(lanes.api, signal);
  voice?.say({ phase: 'ready', api_lane: 'polls' });
  return lanes;
}

function startLane(lane: Lane | null): void {
  if (lane !== null) lane.run = lane.worker.run();
}

/** Once. It takes no new call from the moment on at which the signal fires, whatever else begins or ends then (SPEC R6). */
function startPaidLane(lane: Lane | null, signal: AbortSignal): void {
  if (lane === null || lane.run !== null || signal.aborted) return;
  startLane(lane);
  signal.addEventListener('abort', () => shutDown(lane), { once: true });
}

/** A lane that drains already is left to it. */
function shutDown({ worker }: Lane): void {
  if (worker.getState() === 'RUNNING') worker.shutdown();
}

/** Paid calls first; workflows and records go on until nothing of theirs is left to write. */
export async function drainInTurn({ api, main }: Lanes): Promise<void> {
  if (api !== null) await end(api);
  if (main === null) return;
  await untilQuiet(main.worker);
  await end(main);
}

async function end(lane: Lane): Promise<void> {
  if (lane.run === null) return;
  shutDown(lane);
  await lane.run;
}

const HOLD_POLL_MS = 100;
/** A workflow task that never ends must not keep paid calls back for ever. */
const DELIVERY_LIMIT_MS = 60_000;

/**
 * Messages before money (SPEC C5): resolves when nobody holds the paid calls back any more and the workflows have acted
 * on what was sent to them. A workflow task that an earlier worker took with it comes back after 10 s only: hence the
 * look at the server. Ends early when the signal fires.
 */
async function untilMessagesDelivered(
  main: Lane,
  server: Server,
  { isHeld, signal }: { isHeld: () => Promise<boolean>; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted && (await isHeld())) await sleep(HOLD_POLL_MS);
  const client = new sdk.Client(server);
  const limit = Date.now() + DELIVERY_LIMIT_MS;
  do await untilQuiet(main.worker);
  while (!signal.aborted && Date.now() < limit && (await hasWorkflowTask(client)));
}

/** Also true when the server can't say. */
async function hasWorkflowTask({ workflow }: Client): Promise<boolean> {
  const types = Object.values(WORKFLOW_TYPES).map((type) => `'${type}'`);
  const query = `WorkflowType IN (${types.join(', ')}) AND ExecutionStatus = 'Running'`;
  try {
    for await (const { workflowId, runId } of workflow.list({ query })) {
      const { raw } = await workflow.getHandle(workflowId, runId).describe();
      if (raw.pendingWorkflowTask) return true;
    }
    return false;
  } catch {
    return true;
  }
}

const QUIET_MS = 1_000;
const QUIET_LIMIT_MS = 20_000;

async function untilQuiet(worker: Worker): Promise<void> {
  const limit = Date.now() + QUIET_LIMIT_MS;
  for (let quietSince = Date.now(); Date.now() - quietSince < QUIET_MS && Date.now() < limit;) {
    const { numInFlightActivities, numInFlightWorkflowActivations } = worker.getStatus();
    if (numInFlightActivities > 0 || numInFlightWorkflowActivations > 0) quietSince = Date.now();
    await sleep(50);
  }
}
