/** Which orders the server knows, and how each stands (SPEC C: `list`, `history`, `watch`). */
import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { memoOf, queryProgress } from '../client.ts';
import { type BatchProgress, type PausedBy, WORKFLOW_TYPES } from '../domain/messages.ts';
import type { BatchSummary } from '../domain/batch-records.ts';
import type { BillingTally, TaskEnd } from '../domain/records.ts';
import type { TaskStatus } from '../domain/status.ts';

/** How an order stands, in Temporal's words; `paused` is a running batch that starts nothing. */
export const ORDER_STATES = [
  'running',
  'paused',
  'completed',
  'failed',
  'cancelled',
  'terminated',
  'timed_out',
] as const;
export type OrderState = (typeof ORDER_STATES)[number];

/** A batch or a lone task as the server lists it. */
export interface KnownOrder {
  kind: 'batch' | 'task';
  /** Workflow id: of a task its key. */
  id: string;
  run_id: string;
  state: OrderState;
  /** Why nothing is started; null unless paused. */
  paused: string | null;
  /** Who paused it; null unless paused. */
  paused_by: PausedBy | null;
  started_at: string;
  /** Null while it runs. */
  ended_at: string | null;
  /** Batch of a task; null for a lone one and for batches. */
  batch_id: string | null;
}

/** Numbers of one batch; null where nobody could tell them. */
export interface BatchNumbers {
  total: number | null;
  /** Ended, however. */
  done: number | null;
  /** Ended without an image. */
  not_completed: number | null;
}

export interface ListWish {
  kind: 'batch' | 'task';
  /** Only running, only ended ones; default both. */
  only?: 'running' | 'ended';
  /** At most so many, newest first. */
  limit: number;
}

/** Newest first; of an id that ran several times its newest run. */
export async function listOrders(client: Client, { kind, only, limit }: ListWish): Promise<KnownOrder[]> {
  const parts = [`WorkflowType = '${WORKFLOW_TYPES[kind]}'`];
  if (only !== undefined) parts.push(`ExecutionStatus ${only === 'running' ? '=' : '!='} 'Running'`);
  const orders = new Map<string, KnownOrder>();
  for await (const info of client.workflow.list({ query: parts.join(' AND ') })) {
    const known = orders.get(info.workflowId);
    // Listed by start or by end, as the server likes.
    if (known === undefined || known.started_at < info.startTime.toISOString())
      orders.set(info.workflowId, orderOf(kind, info));
    if (orders.size >= limit) break;
  }
  return [...orders.values()];
}

function orderOf(kind: KnownOrder['kind'], info: WorkflowExecutionInfo): KnownOrder {
  const memo = memoOf(info);
  const isRunning = info.status.name === 'RUNNING';
  const paused = isRunning ? (memo.paused ?? null) : null;
  return {
    kind,
    id: info.workflowId,
    run_id: info.runId,
    state: paused === null ? (info.status.name.toLowerCase() as OrderState) : 'paused',
    paused,
    paused_by: paused === null ? null : (memo.paused_by ?? 'person'),
    started_at: info.startTime.toISOString(),
    ended_at: info.closeTime?.toISOString() ?? null,
    batch_id: kind === 'task' ? (memo.batch_id ?? null) : null,
  };
}

/** Of a running batch by its own word, of an ended one by its result. */
export async function numbersOf(client: Client, order: KnownOrder): Promise<BatchNumbers> {
  const handle = client.workflow.getHandle(order.id, order.run_id);
  if (order.ended_at === null) {
    const progress = await queryProgress(client, handle);
    return progress === null ? UNKNOWN : numbersOfProgress(progress);
  }
  if (order.state !== 'completed') return UNKNOWN;
  const summary = await (handle.result() as Promise<BatchSummary>).catch(() => null);
  if (summary === null) return UNKNOWN;
  const { total, success } = summary;
  return { total, done: total, not_completed: total - success };
}

const UNKNOWN: BatchNumbers = { total: null, done: null, not_completed: null };

export function numbersOfProgress({ counters, total }: BatchProgress): BatchNumbers {
  const { running, queued, completed } = counters;
  const done = Math.max(0, total - running - queued);
  return { total, done, not_completed: done - completed };
}

/** A task whose workflow has closed. */
export interface EndedTaskOrder {
  task_key: string;
  /** Not known: only its key is its workflow's. */
  task_name: null;
  batch_id: string | null;
  status: TaskStatus;
  /** Null when it ended without a workflow of its own. */
  ended_at: string | null;
  bytes: number | null;
  billing: BillingTally;
  error: string | null;
}

/** Of all batches and of none, newest first. */
export async function endedTasks(client: Client, limit: number): Promise<EndedTaskOrder[]> {
  const orders = await listOrders(client, { kind: 'task', only: 'ended', limit });
  const ended: EndedTaskOrder[] = [];
  for (let at = 0; at < orders.length; at += ASKED_AT_ONCE)
    ended.push(
      ...(await Promise.all(orders.slice(at, at + ASKED_AT_ONCE).map((order) => endedTask(client, order)))),
    );
  return ended.sort((a, b) => ((a.ended_at ?? '') < (b.ended_at ?? '') ? 1 : -1));
}

const ASKED_AT_ONCE = 8;

async function endedTask(client: Client, order: KnownOrder): Promise<EndedTaskOrder> {
  const { id: task_key, batch_id, ended_at } = order;
  const { status, bytes, billing, error } = await taskEnd(client, order);
  return { task_key, task_name: null, batch_id, status, ended_at, bytes, billing, error };
}

/** Last words of a task: its result, or the failure it closed with. Of one that had none its close status has to do. */
export async function taskEnd(
  client: Client,
  { id, run_id, state }: Pick<KnownOrder, 'id' | 'run_id' | 'state'>,
): Promise<Pick<TaskEnd, 'status' | 'bytes' | 'billing' | 'error'>> {
  try {
    return (await client.workflow.getHandle(id, run_id).result()) as TaskEnd;
  } catch (error) {
    const { details, message } = (error as { cause?: { details?: unknown[]; message?: string } }).cause ?? {};
    const [end] = (details ?? []) as Partial<TaskEnd>[];
    if (end?.status !== undefined) return end as TaskEnd;
    const status = state === 'cancelled' || state === 'terminated' ? 'cancelled' : 'failed';
    return { status, bytes: null, billing: { no: 0, possible: 0, yes: 0 }, error: message ?? null };
  }
}
