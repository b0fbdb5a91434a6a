/** How long to wait before the next request (SPEC R3). */
import { httpDate } from './http-date.ts';
import { longer, waitInText } from './said-wait.ts';

const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 15 * 60_000;

/**
 * The wait the provider asks for in milliseconds, 1 s to 15 min: `retry-after-ms`, then `Retry-After` (seconds or a date),
 * then "try again in 1m30s" in the message. Of several the longest, so that nothing is sent before an announced time.
 * Undefined when none of them makes sense. Header names in lower case, headers that came twice joined by commas.
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string>>,
  message: string,
  nowMs: number,
): number | undefined {
  const sinceMs = httpDate(headers['date'], nowMs) ?? nowMs;
  const asked =
    longestOf(headers['retry-after-ms'], decimal) ??
    longestOf(
      headers['retry-after'],
      (value) => seconds(value) ?? untilDate(value, sinceMs) ?? spoken(value),
    ) ??
    waitInText(message);
  return asked === undefined ? undefined : Math.min(MAX_WAIT_MS, Math.max(MIN_WAIT_MS, Math.ceil(asked)));
}

export interface Backoff {
  /** Requests sent so far, from 1. */
  attempt: number;
  baseMs: number;
  /** Cap of the whole wait, jitter included. */
  maxMs: number;
  jitterMs: number;
  /** In [0, 1). */
  random: () => number;
}

/** The wait when the provider names none: doubled each time, plus jitter, capped. */
export function backoffMs({ attempt, baseMs, maxMs, jitterMs, random }: Backoff): number {
  const doubled = baseMs * 2 ** Math.min(30, Math.max(0, attempt - 1));
  return Math.round(Math.min(maxMs, doubled + random() * jitterMs));
}

/** Not the comma inside of a date. */
const BETWEEN_VALUES = /,(?! {0,4}\d{1,2}[ -][a-z])/iu;

function longestOf(
  header: string | undefined,
  read: (value: string) => number | undefined,
): number | undefined {
  return (header ?? '')
    .split(BETWEEN_VALUES)
    .map((value) => read(value.trim()))
    .reduce(longer, undefined);
}

/** However long: a wait that no clock can hold is the longest there is. */
function decimal(text: string): number | undefined {
  return /^\d+(?:\.\d+)?$/u.test(text) ? Number(text) : undefined;
}

function seconds(text: string): number | undefined {
  const value = decimal(text);
  return value === undefined ? undefined : value * 1000;
}

/** Measured from the answer's own Date when it has one: the two clocks need not agree. */
function untilDate(text: string, sinceMs: number): number | undefined {
  const target = httpDate(text, sinceMs);
  return target === undefined ? undefined : Math.max(0, target - sinceMs);
}

/** `60s`, which no header should say. */
function spoken(text: string): number | undefined {
  return waitInText(`retry after ${text}`);
}
