/** `imgproof list` and `imgproof history` as they run: what there is, and what has ended (SPEC C). */
import { endedTasks, type KnownOrder, listOrders, numbersOf, ORDER_STATES } from '../client/orders.ts';
import { hasEnded, TASK_STATUSES } from '../domain/status.ts';
import { mapLimited } from '../proof/map-limited.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';
import { type EndedTask, historyLines, type NumberedOrder, orderLines, taskLines } from './list-screen.ts';
import { withLook } from './look-session.ts';
import { printJson, printLines, safe } from './output.ts';
import type { Session } from './session.ts';
import { findBatch } from './target.ts';
import { type ListedTask, tasksOfBatch } from './task-rows.ts';
import { lookOf } from './terminal.ts';

export interface ListFlags extends ServerFlags {
  status?: string;
  limit?: number;
  json?: boolean;
}

const DEFAULT_BATCHES = 20;
const DEFAULT_HISTORY = 200;
/** Questions to the server at the same time. */
const ASKED_AT_ONCE = 8;

export async function list(batch: string | undefined, flags: ListFlags): Promise<void> {
  await (batch === undefined ? listBatches(flags) : listTasks(batch, flags));
}

/** Batches, and what runs without one. */
async function listBatches(flags: ListFlags): Promise<void> {
  const wanted = statusesIn(flags, ORDER_STATES);
  const limit = limitIn(flags, DEFAULT_BATCHES);
  await withLook(flags, async (session) => {
    const { client } = session;
    const batches = await listOrders(client, { kind: 'batch', limit });
    const tasks = await listOrders(client, { kind: 'task', only: 'running', limit });
    const orders = [...tasks.filter(({ batch_id }) => batch_id === null), ...batches]
      .filter(({ state }) => wanted === null || wanted.has(state))
      .sort((a, b) => (a.started_at < b.started_at ? 1 : -1));
    const numbered = await mapLimited(orders, ASKED_AT_ONCE, (order) => withNumbers(session, order));
    if (flags.json)
      printJson({ ok: true, count: numbered.length, orders: numbered, exit_code: EXIT.ok, reason: 'listed' });
    else printLines(orderLines(numbered, Date.now(), lookOf(process.stdout)));
  });
}

async function withNumbers({ client }: Session, order: KnownOrder): Promise<NumberedOrder> {
  if (order.kind === 'task') return { ...order, total: 1, done: 0, not_completed: 0 };
  return { ...order, ...(await numbersOf(client, order)) };
}

async function listTasks(batch: string, flags: ListFlags): Promise<void> {
  const wanted = statusesIn(flags, TASK_STATUSES);
  await withLook(flags, async (session) => {
    const all = await tasksIn(session, batch);
    const tasks = all.filter(({ status }) => wanted === null || wanted.has(status));
    if (flags.json)
      printJson({
        ok: true,
        batch_id: batch,
        count: tasks.length,
        tasks,
        exit_code: EXIT.ok,
        reason: 'listed',
      });
    else printLines(taskLines(tasks, lookOf(process.stdout)));
  });
}

async function tasksIn(session: Session, batch: string): Promise<ListedTask[]> {
  const { run } = await findBatch(session, batch);
  const tasks = await tasksOfBatch(session, run);
  if (tasks !== null) return tasks;
  throw new CommandProblem(
    EXIT.environment,
    `no worker answers for "${safe(batch)}", so nothing is known of its tasks now`,
  );
}

/** Newest first. */
export async function history(batch: string | undefined, flags: ListFlags): Promise<void> {
  const limit = limitIn(flags, DEFAULT_HISTORY);
  await withLook(flags, async (session) => {
    const ended =
      batch === undefined ? await endedTasks(session.client, limit) : await endedIn(session, batch);
    const tasks = ended.slice(0, limit);
    if (flags.json)
      printJson({ ok: true, count: tasks.length, history: tasks, exit_code: EXIT.ok, reason: 'listed' });
    else printLines(historyLines(tasks, lookOf(process.stdout)));
  });
}

async function endedIn(session: Session, batch: string): Promise<EndedTask[]> {
  const tasks = await tasksIn(session, batch);
  return tasks
    .filter(({ status }) => hasEnded(status))
    .sort((a, b) => ((a.ended_at ?? '') < (b.ended_at ?? '') ? 1 : -1))
    .map(({ task_key, task_name, status, ended_at, bytes, billing, error }) => ({
      task_key,
      task_name,
      batch_id: batch,
      status,
      ended_at,
      bytes,
      billing,
      error,
    }));
}

/** @throws CommandProblem exit 2 for a status there is not */
function statusesIn({ status }: ListFlags, known: readonly string[]): ReadonlySet<string> | null {
  if (status === undefined) return null;
  const wanted = status.split(',').map((one) => one.trim());
  const unknown = wanted.filter((one) => !known.includes(one));
  if (unknown.length === 0) return new Set(wanted);
  throw new CommandProblem(
    EXIT.usage,
    `--status ${unknown.map(safe).join(',')}: there is no such status; known are ${known.join(', ')}`,
  );
}

function limitIn({ limit }: ListFlags, byDefault: number): number {
  if (limit === undefined) return byDefault;
  if (Number.isInteger(limit) && limit > 0) return limit;
  throw new CommandProblem(EXIT.usage, `-n ${limit} is not a whole number from 1 on`);
}
