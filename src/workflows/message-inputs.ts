/** What updates were sent, checked by hand: anybody may send anything, and there is no validator library in workflow code. */
import { ApplicationFailure } from '@temporalio/common';
import { amountMicros, AMOUNT_MAX } from '../domain/cost.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import type { CancelMode, CancelRequest, PauseRequest, RetrySelection } from '../domain/messages.ts';

export function selectionIn(selection: unknown): RetrySelection {
  const wish = objectIn(selection) as RetrySelection;
  const { failed, timed_out, tasks = [], ...others } = wish;
  refuseUnknown(others, 'failed, timed_out and tasks');
  const isList = Array.isArray(tasks) && tasks.every((task) => typeof task === 'string');
  if (isList && isFlag(failed) && isFlag(timed_out)) return wish;
  throw refused('"failed" and "timed_out" are true or false, "tasks" is a list of keys or names');
}

export function modeOf(request: unknown): CancelMode {
  const { now, task: _, ...others } = objectIn(request) as Partial<CancelRequest>;
  refuseUnknown(others, 'task and now');
  if (!isFlag(now)) throw refused('"now" is true or false');
  return now === true ? 'now' : 'finish';
}

export function reasonIn(request: unknown): string | null {
  const { reason, ...others } = objectIn(request) as PauseRequest;
  refuseUnknown(others, 'reason');
  if (reason !== undefined && typeof reason !== 'string') throw refused('"reason" is a text');
  return reason?.slice(0, REASON_CHARACTERS) ?? null;
}

/** Reasons go into the memo, which is small. */
const REASON_CHARACTERS = 200;

/** In micros; null when nothing is said. */
export function maxCostIn(request: unknown): number | null {
  const { max_cost, ...others } = objectIn(request);
  refuseUnknown(others, 'max_cost');
  if (max_cost === undefined) return null;
  const micros = amountMicros(max_cost) ?? 0;
  if (micros > 0) return micros;
  throw refused(`"max_cost" is an amount above 0 and up to ${AMOUNT_MAX} with at most 6 decimals`);
}

export function workersIn(request: unknown): number {
  const wanted = typeof request === 'number' ? request : objectIn(request)['max_workers'];
  if (Number.isInteger(wanted)) return wanted as number;
  throw refused('"max_workers" is a whole number from 1 to 4');
}

export function textIn(request: unknown, name: string): string {
  const value = objectIn(request)[name];
  if (typeof value === 'string' && value !== '') return value;
  throw refused(`"${name}" is missing or no text`);
}

/** Without input: nothing is set. */
function objectIn(request: unknown): Record<string, unknown> {
  if (request === undefined || request === null) return {};
  if (typeof request === 'object' && !Array.isArray(request)) return request as Record<string, unknown>;
  throw refused(
    `one JSON object is expected, not ${Array.isArray(request) ? 'a list' : `a ${typeof request}`}`,
  );
}

function refuseUnknown(others: object, known: string): void {
  const [name] = Object.keys(others);
  if (name !== undefined) throw refused(`"${name}" is unknown here; known are ${known}`);
}

function isFlag(value: unknown): value is boolean | undefined {
  return value === undefined || typeof value === 'boolean';
}

export function refused(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, FAILURE_TYPES.badMessage);
}
