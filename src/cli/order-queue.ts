/** `imgproof queue run` as it runs: check, order, wait, tell (SPEC B3, F11). Loads Temporal's client. */
import { createHash, randomBytes } from 'node:crypto';
import { type BatchHandle, describe, submitBatch } from '../client.ts';
import { readQueueState } from '../artifacts/queue-folder.ts';
import { batchHash } from '../domain/ids.ts';
import { timestamp } from '../domain/layout.ts';
import { endedBatch } from './batch-end.ts';
import { announceBatch, refuseOversize } from './batch-order.ts';
import { confirmCost, tellDryRun } from './estimate.ts';
import { listenForSignals, type Signals } from './detached.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type {
  EstimateFlags,
  ProviderDownFlags,
  RequestFlags,
  ServerFlags,
  TaskFlags,
  WaitFlags,
} from './flags.ts';
import { batchLooks } from './looks.ts';
import { checkProviders } from './order.ts';
import { printJson } from './output.ts';
import { openProgress, type Progress } from './progress.ts';
import type { OrderFacts } from './progress-view.ts';
import { letGoOfQueue, type QueueOrder, tellQueueEnd, tellQueueStandstill } from './queue-end.ts';
import { checkedQueue } from './queue-input.ts';
import { isEmbedded, openSession, type Session, settingsOf, webUiLink } from './session.ts';
import { watchUntilEnd } from './watch.ts';

export interface QueueRunFlags
  extends RequestFlags, ProviderDownFlags, TaskFlags, EstimateFlags, WaitFlags, ServerFlags {
  prompt?: string;
  maxWorkers?: number;
  maxQueueSize?: number;
  maxCost?: number;
  overflowPolicy?: string;
  stateDir?: string;
  resume?: boolean;
  /** SPEC M: in place of calls, where the worker allows it. */
  mockSleep?: number;
  mockExitCode?: number;
  mockOutputText?: string;
}

export async function orderQueue(argument: string | undefined, flags: QueueRunFlags): Promise<void> {
  const progress = await openProgress(flags.progress);
  const settings = settingsOf();
  const embedded = await isEmbedded(settings, flags);
  const checked = await checkedQueue(settings, argument, flags, embedded);
  const { batch, request, runnable, models } = checked;
  if (embedded) await checkProviders(settings, runnable);
  refuseOversize(request);
  const { warnings, max_cost_micros: maxCostMicros } = batch;
  if (flags.dryRun)
    return tellDryRun(
      settings,
      { tasks: runnable, warnings, maxCostMicros, models, embedded },
      { json: true },
    );
  if (embedded) await confirmCost(settings, runnable, flags);
  const stateDir = request.queue?.state_dir ?? null;
  const queueId = flags.resume ? await lastRun(stateDir) : newQueueId();
  const signals = listenForSignals();
  const session = await openSession(settings, flags);
  signals.ordering();
  try {
    if (embedded && stateDir !== null) await refuseBusy(session, stateDir, queueId);
    const order = {
      batchId: queueId,
      batchHash: batchHash(batch.tasks, sha256),
      request,
      shown: checked.runnableRequest,
      isAsWritten: true,
    };
    const submitted = await submitBatch(session.client, order);
    if (!('handle' in submitted)) throw otherTasks(queueId);
    if (submitted.decision === 'attach') throw stillRuns(queueId, stateDir);
    const facts: OrderFacts = {
      kind: 'batch',
      id: queueId,
      total: batch.tasks.length,
      models,
      isAttached: false,
    };
    announceBatch(session, batch, facts, progress);
    const told: QueueOrder = { queueId, stateDir };
    if (!flags.wait) tellOrdered(session, told);
    else await follow(session, submitted.handle, { facts, told }, { progress, signals }, flags);
  } finally {
    signals.ignore();
    progress.end(true);
    await session.close();
  }
}

/** SPEC F4. */
function newQueueId(): string {
  return `q-${timestamp(Date.now())}-${randomBytes(3).toString('hex')}`;
}

/** SPEC B6: results are adopted within one id, so the last run is ordered once more. */
async function lastRun(stateDir: string | null): Promise<string> {
  const last = stateDir === null ? null : await readQueueState(stateDir);
  if (last !== null) return last.queue_id;
  throw new CommandProblem(
    EXIT.usage,
    `--resume: no queue run was found in ${stateDir ?? 'the worker’s state directory'}. Leave it out, or name another --state-dir. Nothing was sent.`,
  );
}

function otherTasks(queueId: string): CommandProblem {
  return new CommandProblem(
    EXIT.usage,
    `--resume: the last run of this directory, "${queueId}", was of other tasks. Leave it out. Nothing was sent.`,
  );
}

/** Told before an id is; the worker, which takes the directory under its lock, has the last word. */
async function refuseBusy({ client }: Session, stateDir: string, queueId: string): Promise<void> {
  const last = await readQueueState(stateDir);
  if (last === null || last.queue_id === queueId || last.status !== 'running') return;
  const run = await describe(client, last.queue_id);
  if (run?.status.name === 'RUNNING') throw stillRuns(last.queue_id, stateDir);
}

function stillRuns(queueId: string, stateDir: string | null): CommandProblem {
  const where = stateDir === null ? '' : ` --state-dir ${JSON.stringify(stateDir)}`;
  const message = `the state directory is in use by the queue run "${queueId}", which still runs; \`imgproof queue status${where}\` shows it. Nothing was sent.`;
  return new CommandProblem(EXIT.environment, message);
}

function tellOrdered(session: Session, { queueId, stateDir }: QueueOrder): void {
  printJson({
    ok: true,
    queue_id: queueId,
    state_dir: stateDir,
    web_ui: webUiLink(session, queueId),
    exit_code: 0,
    reason: 'ordered',
  });
}

async function follow(
  session: Session,
  handle: BatchHandle,
  { facts, told }: { facts: OrderFacts; told: QueueOrder },
  { progress, signals }: { progress: Progress; signals: Signals },
  flags: QueueRunFlags,
): Promise<void> {
  const looks = batchLooks(session.client, handle, facts, progress);
  const ending = await watchUntilEnd(handle, { session, flags, look: looks.look, letGo: signals.letGo });
  if (ending.kind === 'detached' || ending.kind === 'wait timeout') {
    progress.end(true);
    return letGoOfQueue(ending, told, looks.lastView());
  }
  if (ending.kind === 'standstill') {
    progress.end(true);
    process.exitCode = await tellQueueStandstill(ending, told, looks.lastView());
    return;
  }
  const ended = await endedBatch(ending, session, told.queueId);
  looks.end(ended);
  progress.end(true);
  process.exitCode = await tellQueueEnd(ended, told);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
