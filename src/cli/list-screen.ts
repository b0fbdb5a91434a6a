/** Batches, tasks, what ended: as tables for people (`reference/ux.md` 5.5). Pure. */
import type { BatchNumbers, EndedTaskOrder, KnownOrder } from '../client/orders.ts';
import type { TaskStatus } from '../domain/status.ts';
import { shortReason } from './frame-rows.ts';
import { type Line, type Piece, plain, styled } from './paint.ts';
import { safe } from './output.ts';
import { tableLines } from './table.ts';
import type { ListedTask } from './task-rows.ts';
import type { Look } from './terminal.ts';
import { durationText, modeText, sizeText, statusText, taskChargedText } from './words.ts';

export type NumberedOrder = KnownOrder & BatchNumbers;

export function orderLines(orders: readonly NumberedOrder[], nowMs: number, look: Look): Line[] {
  if (orders.length === 0) return [[plain('no batch is known here')]];
  const rows = orders.map((order) => ({
    cells: [
      plain(safe(order.id)),
      stateText(order),
      plain(order.total === null ? '' : `${order.done}/${order.total}`),
      plain(order.not_completed === null ? '' : String(order.not_completed)),
      plain(ageText(order, nowMs)),
    ],
    ...(order.paused === null ? {} : { note: safe(order.paused) }),
  }));
  return tableLines({ head: ['BATCH', 'STATE', 'DONE', 'FAIL', 'AGE'], rows, note: 'REASON' }, look);
}

function stateText({ state, kind }: KnownOrder): Piece {
  const text = kind === 'task' ? `${state} (task)` : statusText(state as TaskStatus);
  if (state === 'running') return styled('cyan', text);
  if (state === 'paused') return styled('yellow', text);
  return state === 'completed' ? plain(text) : styled('red', text);
}

/** How long it has been at work; of what has ended, how long ago. */
function ageText({ started_at, ended_at }: KnownOrder, nowMs: number): string {
  const sinceMs = nowMs - Date.parse(ended_at ?? started_at);
  return ended_at === null ? durationText(sinceMs) : `ended ${durationText(sinceMs)} ago`;
}

export function taskLines(tasks: readonly ListedTask[], look: Look): Line[] {
  if (tasks.length === 0) return [[plain('no such task')]];
  const rows = tasks.map((task) => ({
    cells: [
      plain(safe(task.task_name)),
      statusPiece(task.status),
      plain(modeText(task.mode, task.references, look.unicode)),
      plain(task.attempts_count === 0 ? '' : String(task.attempts_count)),
      plain(task.elapsed_seconds === null ? '' : durationText(task.elapsed_seconds * 1000)),
    ],
    note: reasonText(task),
  }));
  return tableLines({ head: ['TASK', 'STATUS', 'MODE', 'TRIES', 'TIME'], rows, note: 'REASON' }, look);
}

function statusPiece(status: TaskStatus): Piece {
  const text = statusText(status);
  if (status === 'completed') return styled('green', text);
  if (status === 'running') return styled('cyan', text);
  return status === 'queued' ? styled('dim', text) : styled('red', text);
}

/** What failed is told with its money. */
function reasonText({ status, adopted, reason, billing }: ListedTask): string {
  if (adopted) return 'proven before';
  const isOver = status !== 'queued' && status !== 'running' && status !== 'completed';
  const cost = isOver && billing.yes + billing.possible > 0 ? taskChargedText(billing) : '';
  return [shortReason(safe(reason ?? '')), cost].filter(Boolean).join(', ');
}

/** A task that ended, in a batch or alone. */
export interface EndedTask extends Omit<EndedTaskOrder, 'task_name'> {
  /** Null where only its key is known. */
  task_name: string | null;
}

export function historyLines(tasks: readonly EndedTask[], look: Look): Line[] {
  if (tasks.length === 0) return [[plain('nothing has ended yet')]];
  const rows = tasks.map((task) => ({
    cells: [
      plain(safe(task.task_name ?? task.task_key)),
      plain(task.ended_at === null ? '' : task.ended_at.slice(0, 19).replace('T', ' ')),
      statusPiece(task.status),
      plain(task.bytes === null ? '' : sizeText(task.bytes)),
      plain(taskChargedText(task.billing)),
    ],
  }));
  return tableLines({ head: ['TASK', 'ENDED (UTC)', 'STATUS', 'SIZE', 'COST'], rows }, look);
}
