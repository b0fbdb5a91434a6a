/**
 * What people do to running work (SPEC B7): the updates of a batch and the signal of a task, as typed functions. Each is
 * idempotent: asked twice, it answers what is so by then.
 */
import type { Client } from '@temporalio/client';
import { describe, isServerGone } from '../client.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import {
  type CancelAnswer,
  type CancelMode,
  type CancelRequest,
  type MaxWorkersAnswer,
  type PauseAnswer,
  type PauseRequest,
  type ResumeRequest,
  type RetryAnswer,
  type RetrySelection,
  TASK_MESSAGES,
  TASK_QUEUES,
  UPDATES,
} from '../domain/messages.ts';
import { sdk } from '../temporal/sdk.ts';

/** Start no further task; those that run go on. @throws OperationRefused */
export function pauseBatch(
  client: Client,
  batchId: string,
  request: PauseRequest = {},
): Promise<PauseAnswer> {
  return ask(client, batchId, UPDATES.pause, request);
}

/** @throws OperationRefused */
export function resumeBatch(
  client: Client,
  batchId: string,
  request: ResumeRequest = {},
): Promise<PauseAnswer> {
  return ask(client, batchId, UPDATES.resume, request);
}

/** Images at the same time; another number than 1 to 4 is clamped, and the answer says so. @throws OperationRefused */
export function setMaxWorkers(
  client: Client,
  batchId: string,
  max_workers: number,
): Promise<MaxWorkersAnswer> {
  return ask(client, batchId, UPDATES.setMaxWorkers, { max_workers });
}

/** One task of a batch, queued or running. @throws OperationRefused */
export function cancelTask(client: Client, batchId: string, request: CancelRequest): Promise<CancelAnswer> {
  return ask(client, batchId, UPDATES.cancelTask, request);
}

/** Every task that has not begun. @throws OperationRefused */
export function cancelQueued(client: Client, batchId: string): Promise<CancelAnswer> {
  return ask(client, batchId, UPDATES.cancelQueued);
}

/** Everything; sent requests finish unless `now`. @throws OperationRefused */
export function cancelAll(
  client: Client,
  batchId: string,
  request: Pick<CancelRequest, 'now'> = {},
): Promise<CancelAnswer> {
  return ask(client, batchId, UPDATES.cancelAll, request);
}

/** Tasks of a running batch that have ended; `orderRetry` also takes up one that has ended itself. @throws OperationRefused */
export function retryFailed(
  client: Client,
  batchId: string,
  selection: RetrySelection,
): Promise<RetryAnswer> {
  return ask(client, batchId, UPDATES.retryFailed, selection);
}

/** A task that was started alone. @throws OperationRefused */
export async function cancelLoneTask(client: Client, taskKey: string, mode: CancelMode): Promise<void> {
  try {
    await client.workflow.getHandle(taskKey).signal(TASK_MESSAGES.cancel, mode);
  } catch (error) {
    throw (await refusalOf(client, taskKey, error)) ?? error;
  }
}

/** `unknown`: no such workflow, or no such task in it. `ended`: too late. `not served`: nobody was there to take it. */
export type RefusalKind = 'unknown' | 'ended' | 'bad message' | 'not served';

/** Why an operation did nothing. */
export class OperationRefused extends Error {
  override readonly name = 'OperationRefused';
  readonly kind: RefusalKind;
  /** Of a command that ends with it (SPEC C3). */
  readonly exitCode: 2 | 3;
  /** Where that stands which was to be operated on; null when there is no such thing. */
  readonly status: string | null;

  constructor(kind: RefusalKind, message: string, status: string | null = null) {
    super(message);
    this.kind = kind;
    this.exitCode = kind === 'not served' ? 3 : 2;
    this.status = status;
  }
}

/** A worker that was killed keeps its workflow task for 10 s; then another one takes it. */
const ANSWER_MS = 12_000;
/** In all, as long as somebody asks for workflow tasks. */
const PATIENCE_MS = 60_000;
const ADMISSION_POLL_MS = 500;

async function ask<Answer>(
  client: Client,
  batchId: string,
  name: string,
  input: object = {},
): Promise<Answer> {
  const handle = client.workflow.getHandle(batchId);
  // The same one for every try: an update that was taken once is not carried out again.
  const options = { updateId: crypto.randomUUID(), args: [input] as [object] };
  const limit = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const update = () => handle.executeUpdate<Answer, [object]>(name, options);
      return await client.connection.withDeadline(Date.now() + ANSWER_MS, update);
    } catch (error) {
      const isLate = Date.now() > limit;
      if (isUnanswered(error)) {
        if (isLate || !(await workflowsAreServed(client))) throw notServed(batchId);
      } else if (isBeingAdmitted(error) && !isLate) {
        await new Promise((resolve) => setTimeout(resolve, ADMISSION_POLL_MS));
      } else throw (await refusalOf(client, batchId, error)) ?? error;
    }
  }
}

function isUnanswered(error: unknown): boolean {
  return error instanceof sdk.WorkflowUpdateRPCTimeoutOrCancelledError;
}

/** Nothing can be said to a batch before it knows its tasks; that takes a moment. */
function isBeingAdmitted(error: unknown): boolean {
  return failureOf(error)?.type === FAILURE_TYPES.notAdmitted;
}

/** Null for what is no refusal. */
async function refusalOf(
  client: Client,
  workflowId: string,
  error: unknown,
): Promise<OperationRefused | null> {
  if (error instanceof sdk.WorkflowUpdateFailedError) {
    const { type, message, details } = failureOf(error) ?? {};
    const kind = KINDS[type ?? ''] ?? 'bad message';
    const [about] = (details ?? []) as { status?: string }[];
    return new OperationRefused(kind, message ?? error.message, about?.status ?? null);
  }
  if (!(error instanceof sdk.WorkflowNotFoundError) && isServerGone(error)) return null;
  // Also an update that came in the moment in which the workflow closed.
  const run = await describe(client, workflowId);
  if (run === null) return new OperationRefused('unknown', `there is no "${workflowId}" on this server`);
  if (run.status.name === 'RUNNING') return null;
  const status = run.status.name.toLowerCase();
  return new OperationRefused('ended', `"${workflowId}" has ended already: ${status}`, status);
}

const KINDS: Record<string, RefusalKind> = {
  [FAILURE_TYPES.unknownTask]: 'unknown',
  [FAILURE_TYPES.alreadyEnded]: 'ended',
};

function failureOf(error: unknown): { type?: string; message?: string; details?: unknown[] } | null {
  return (error as { cause?: { type?: string; message?: string; details?: unknown[] } }).cause ?? null;
}

function notServed(batchId: string): OperationRefused {
  return new OperationRefused(
    'not served',
    `no worker takes what was asked of "${batchId}" from the task queue ${TASK_QUEUES.main}. ` +
      'It may take effect when one is up (imgproof worker); asked again, it is not done twice',
  );
}

/** True also when the server can't say. */
async function workflowsAreServed(client: Client): Promise<boolean> {
  const { namespace } = client.options;
  const lane = { namespace, taskQueue: { name: TASK_QUEUES.main }, taskQueueType: TASK_QUEUE_TYPE_WORKFLOW };
  try {
    // eslint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum is in a package of the SDK's own
    const { pollers } = await client.workflowService.describeTaskQueue(lane);
    return (pollers ?? []).length > 0;
  } catch {
    return true;
  }
}

/** `temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW`. */
const TASK_QUEUE_TYPE_WORKFLOW = 1;
