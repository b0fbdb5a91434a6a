/** How long to wait before the next request (SPEC R3). */

const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 15 * 60_000;

/**
 * The wait the provider asks for in milliseconds, 1 s to 15 min: `retry-after-ms`, then `Retry-After` (seconds or HTTP
 * date), then "try again in 1m30s" in the message. Undefined when none of them makes sense. Header names in lower case.
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string>>,
  message: string,
  nowMs: number,
): number | undefined {
  const asked =
    decimal(headers['retry-after-ms']) ??
    seconds(headers['retry-after']) ??
    untilDate(headers, nowMs) ??
    inText(message);
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

function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^\s{0,8}\d{1,15}(?:\.\d{1,9})?\s{0,8}$/u.test(text)
    ? Number(text)
    : undefined;
}

function seconds(text: string | undefined): number | undefined {
  const value = decimal(text);
  return value === undefined ? undefined : value * 1000;
}

/** Measured from the answer's own Date when it has one: the two clocks need not agree. */
function untilDate(headers: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const target = httpDate(headers['retry-after']);
  return target === undefined ? undefined : Math.max(0, target - (httpDate(headers['date']) ?? nowMs));
}

/** `Date.parse` alone takes "2" and "foo 1" for dates. */
function httpDate(text: string | undefined): number | undefined {
  if (text === undefined || text.length > 64 || !/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? /u.test(text))
    return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000 };
const PART =
  /(\d{1,9}(?:\.\d{1,6})?) ?(ms|milliseconds?|seconds?|secs?|s|minutes?|mins?|m|hours?|h)(?![a-z])(?: and)? ?/iuy;

function inText(message: string): number | undefined {
  const start = /(?:try again in|retry after) /iu.exec(message);
  if (start === null) return undefined;
  let total: number | undefined;
  PART.lastIndex = start.index + start[0].length;
  for (let part = PART.exec(message); part !== null; part = PART.exec(message)) {
    total = (total ?? 0) + Number(part[1]) * unitMs(part[2] ?? '');
  }
  return total;
}

function unitMs(unit: string): number {
  const name = unit.toLowerCase();
  if (name === 'ms' || name.startsWith('mil')) return 1;
  return UNIT_MS[name.slice(0, 1)] ?? 1000;
}
