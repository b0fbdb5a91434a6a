/** Typed functions over `@temporalio/client`: order, attach, look, wait. No files, no printing. */
import type {
  Client,
  WorkflowExecutionDescription,
  WorkflowHandle,
  WorkflowStartOptions,
} from '@temporalio/client';
import type { BatchRequest } from './domain/batch.ts';
import { decideSubmission, type SubmissionDecision } from './domain/ids.ts';
import {
  type AttemptHeartbeat,
  type BatchProgress,
  type OrderMemo,
  QUERIES,
  TASK_QUEUES,
  type TaskState,
  WORKFLOW_TYPES,
} from './domain/messages.ts';
import type { TaskRow } from './domain/records.ts';
import { batchAttributes, taskAttributes } from './domain/search-attributes.ts';
import type { TaskRequest } from './domain/task.ts';
import { batchTexts, taskTexts } from './domain/ui-text.ts';
import type { imageBatch, imageTask } from './workflows/index.ts';
import { startListed } from './temporal/listed-start.ts';
import { sdk } from './temporal/sdk.ts';
import { reachServer } from './temporal/server.ts';
import { grpcErrorIn } from './temporal/server-problem.ts';
import { temporalConnection, type TemporalTarget } from './temporal/target.ts';

export type BatchHandle = WorkflowHandle<typeof imageBatch>;
export type TaskHandle = WorkflowHandle<LoneTask>;

/** Started alone a task returns its whole row. */
export type LoneTask = (...args: Parameters<typeof imageTask>) => Promise<TaskRow>;

/** One call to the server may take this long before it counts as not answered. */
const RPC_DEADLINE_MS = 5_000;

/** @throws ServerProblem when none answers within 10 s, or its namespace or our settings are wrong. */
export async function connect(target: TemporalTarget): Promise<Client> {
  const connection = await reachServer(target);
  return new sdk.Client({ connection, namespace: temporalConnection(target).namespace });
}

export interface BatchOrder {
  batchId: string;
  batchHash: string;
  request: BatchRequest;
  /** What the Web UI tells of it. Default: the request, whose tasks are none only where a queue rejects them. */
  shown?: BatchRequest;
  /** True: the worker fills the defaults, so that its hash is another than ours (SPEC C6). */
  isAsWritten: boolean;
}

/** `no batch`: the id is that of a running task. */
export type Refusal = Exclude<SubmissionDecision, 'start' | 'attach'> | 'refuse: no batch';

export type Submitted<Handle> =
  | { decision: Extract<SubmissionDecision, 'start' | 'attach'>; handle: Handle; ranBefore: boolean }
  | { decision: Refusal };

/** Start the batch, or attach to the one that runs under this id with the same content (SPEC B6). */
export async function submitBatch(client: Client, order: BatchOrder): Promise<Submitted<BatchHandle>> {
  const { batchId, batchHash, request, isAsWritten } = order;
  const again = request.again ?? false;
  const before = await decision(client, order, again);
  if (before.decision !== 'start' && before.decision !== 'attach') return { decision: before.decision };
  const options: WorkflowStartOptions<typeof imageBatch> = {
    taskQueue: TASK_QUEUES.main,
    workflowId: batchId,
    args: [request],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    memo: { batch_id: batchId, batch_hash: batchHash, ...(isAsWritten && { sent_hash: batchHash }) },
    ...batchTexts(order.shown ?? request),
  };
  const attributes = batchAttributes(batchId, 'running');
  const handle = await startListed(client, WORKFLOW_TYPES.batch, options, attributes);
  // Somebody may have started the same id in between: USE_EXISTING attaches to any arguments silently (DESIGN 2.7).
  const now = knownHash(await handle.describe(), order);
  if (now !== null && now !== batchHash) return { decision: 'refuse: other content' };
  return { decision: before.decision, handle, ranBefore: before.ranBefore };
}

async function decision(
  client: Client,
  order: BatchOrder,
  again: boolean,
): Promise<{ decision: SubmissionDecision | Refusal; ranBefore: boolean }> {
  const latest = unlessRefused(await describe(client, order.batchId));
  const known = latest === null ? null : { hash: knownHash(latest, order) };
  const isOpen = latest?.status.name === 'RUNNING';
  if (isOpen && latest?.type !== WORKFLOW_TYPES.batch)
    return { decision: 'refuse: no batch', ranBefore: false };
  const submission = {
    hash: order.batchHash,
    again,
    open: isOpen ? known : null,
    closed: isOpen ? null : known,
  };
  return { decision: decideSubmission(submission), ranBefore: latest !== null && !isOpen };
}

/** What is ordered under an id, in the terms of the order that asks; null when nobody said. */
function knownHash(description: WorkflowExecutionDescription, { isAsWritten }: BatchOrder): string | null {
  const { sent_hash, batch_hash } = memoOf(description);
  return (isAsWritten ? sent_hash : undefined) ?? batch_hash ?? null;
}

/** A run that was refused as a whole (it closes Failed, SPEC T1) says nothing of what its id stands for. */
function unlessRefused(run: WorkflowExecutionDescription | null): WorkflowExecutionDescription | null {
  return run?.status.name === 'FAILED' ? null : run;
}

/** Start one task under its key. Rejects with `WorkflowExecutionAlreadyStartedError` while the key is active. */
export function submitTask(client: Client, taskKey: string, request: TaskRequest): Promise<TaskHandle> {
  const options: WorkflowStartOptions<LoneTask> = {
    taskQueue: TASK_QUEUES.main,
    workflowId: taskKey,
    args: [request],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'FAIL',
    ...taskTexts(request),
  };
  const attributes = taskAttributes(null, { task_key: taskKey }, 'running');
  return startListed(client, WORKFLOW_TYPES.task, options, attributes);
}

export function isAlreadyStarted(error: unknown): boolean {
  return error instanceof sdk.WorkflowExecutionAlreadyStartedError;
}

/** True when a call failed for want of a server, not because of what it asked. */
export function isServerGone(error: unknown): boolean {
  const { code } = grpcErrorIn(error) ?? {};
  return code !== undefined && !SERVER_ANSWERED.has(code);
}

/**
 * gRPC codes that only a server gives: INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED,
 * FAILED_PRECONDITION, UNIMPLEMENTED, UNAUTHENTICATED. A connection that breaks ends as any of the others.
 */
const SERVER_ANSWERED = new Set([3, 5, 6, 7, 9, 12, 16]);

/** The newest run of a workflow id; null when the server knows none. */
export async function describe(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<WorkflowExecutionDescription | null> {
  try {
    return await inTime(client, () => client.workflow.getHandle(workflowId, runId).describe());
  } catch (error) {
    if (error instanceof sdk.WorkflowNotFoundError) return null;
    throw error;
  }
}

/** The run that goes on under this id although the one that was waited for has ended: a reset makes one. Null for none. */
export async function successorOf(client: Client, workflowId: string): Promise<WorkflowHandle | null> {
  const latest = await describe(client, workflowId).catch(() => null);
  return latest?.status.name === 'RUNNING' ? client.workflow.getHandle(workflowId, latest.runId) : null;
}

/** Answer of the batch itself; null while no worker answers. */
export function queryProgress(client: Client, handle: BatchHandle): Promise<BatchProgress | null> {
  return inTime(client, () => handle.query<BatchProgress>(QUERIES.progress)).catch(() => null);
}

export function queryTasks(client: Client, handle: BatchHandle): Promise<TaskState[] | null> {
  return inTime(client, () => handle.query<TaskState[]>(QUERIES.tasks)).catch(() => null);
}

/** DESIGN 2.13: the first workflow task was scheduled and nobody took it. */
export function nobodyPolls(description: WorkflowExecutionDescription): boolean {
  return description.status.name === 'RUNNING' && description.historyLength <= 2;
}

/**
 * False when no worker has asked for paid calls lately and none makes any: one whose slots are all taken does not ask. True
 * also when the server can't say, and for minutes after the last one has gone.
 */
export async function paidCallsAreServed(client: Client): Promise<boolean> {
  try {
    return (await paidCallsArePolled(client)) || (await paidCallsAreMade(client));
  } catch {
    return true;
  }
}

async function paidCallsArePolled(client: Client): Promise<boolean> {
  const { namespace } = client.options;
  const lane = { namespace, taskQueue: { name: TASK_QUEUES.api }, taskQueueType: TASK_QUEUE_TYPE_ACTIVITY };
  // eslint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum is in a package of the SDK's own
  const { pollers } = await inTime(client, () => client.workflowService.describeTaskQueue(lane));
  return (pollers ?? []).length > 0;
}

async function paidCallsAreMade(client: Client): Promise<boolean> {
  const query = `WorkflowType = '${WORKFLOW_TYPES.task}' AND ExecutionStatus = 'Running'`;
  for await (const { workflowId } of client.workflow.list({ query })) {
    if ((await liveAttempt(client, workflowId))?.state === 'running') return true;
  }
  return false;
}

/** `temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY`. */
const TASK_QUEUE_TYPE_ACTIVITY = 2;

export interface OpenBatch {
  batch_id: string;
  run_id: string;
  started_at: string;
}

/** Batches that run now, newest first. */
export async function listOpenBatches(client: Client): Promise<OpenBatch[]> {
  const query = `WorkflowType = '${WORKFLOW_TYPES.batch}' AND ExecutionStatus = 'Running'`;
  const batches: OpenBatch[] = [];
  for await (const { workflowId, runId, startTime } of client.workflow.list({ query })) {
    batches.push({ batch_id: workflowId, run_id: runId, started_at: startTime.toISOString() });
  }
  return batches;
}

/** What an open task's paid call does now: only the server knows a started activity (DESIGN 2.9). */
export interface LiveAttempt {
  temporalAttempt: number;
  /** `waiting`: the next attempt starts at `nextAttemptAtMs`; `queued`: no slot is free. */
  state: 'queued' | 'running' | 'waiting';
  heartbeat: AttemptHeartbeat | null;
  /** When the heartbeat reached the server; null before the first. */
  heartbeatAtMs: number | null;
  lastFailure: string | null;
  nextAttemptAtMs: number | null;
}

export async function liveAttempt(client: Client, taskKey: string): Promise<LiveAttempt | null> {
  const description = await describe(client, taskKey).catch(() => null);
  const activity = description?.raw.pendingActivities?.find(
    ({ activityType }) => activityType?.name === 'generateImage',
  );
  if (!activity) return null;
  const nextAttemptAtMs = msOf(activity.scheduledTime);
  const isStarted = PENDING_ACTIVITY_STARTED.has(Number(activity.state));
  const isWaiting = !isStarted && (activity.attempt ?? 1) > 1;
  return {
    temporalAttempt: activity.attempt ?? 1,
    state: isStarted ? 'running' : isWaiting ? 'waiting' : 'queued',
    heartbeat: heartbeatOf(activity.heartbeatDetails?.payloads?.[0]?.data),
    heartbeatAtMs: activity.lastHeartbeatTime ? msOf(activity.lastHeartbeatTime) : null,
    lastFailure: activity.lastFailure?.message ?? null,
    nextAttemptAtMs: isWaiting && nextAttemptAtMs > 0 ? nextAttemptAtMs : null,
  };
}

/** `temporal.api.enums.v1.PendingActivityState`: STARTED, and the same with a cancel (3) or a pause (5) that was asked for. */
const PENDING_ACTIVITY_STARTED: ReadonlySet<number> = new Set([2, 3, 5]);

/** What an order says of itself. */
export function memoOf({ memo }: Pick<WorkflowExecutionDescription, 'memo'>): OrderMemo {
  return memo ?? {};
}

function inTime<T>(client: Client, call: () => Promise<T>): Promise<T> {
  return client.connection.withDeadline(Date.now() + RPC_DEADLINE_MS, call);
}

function msOf(time: { seconds?: unknown; nanos?: unknown } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1000 + Math.floor(Number(time?.nanos ?? 0) / 1_000_000);
}

/** Null also for details that are encoded: the codec is the user's own. */
function heartbeatOf(data: Uint8Array | null | undefined): AttemptHeartbeat | null {
  if (!data) return null;
  try {
    return JSON.parse(Buffer.from(data).toString('utf8')) as AttemptHeartbeat;
  } catch {
    return null;
  }
}
