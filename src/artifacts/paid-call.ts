/**
 * How one image is paid for once: adopt a spooled answer, else settle what was cut off, count, wait, and only then
 * send (SPEC R1, R3, R5). What is sent and how an answer is judged is the caller's; here is who may send, and when.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { billingOf, type FailureCategory, FAILURES } from '../domain/failure.ts';
import {
  type AnswerNotes,
  type AttemptRecord,
  SCHEMA_VERSION,
  type WorkerBinding,
} from '../domain/records.ts';
import { TASK_LIMITS } from '../domain/task.ts';
import { AttemptFailed, CallFailed, type CallFailure } from './call-failures.ts';
import type { AnswerHeader, Intent, SpooledAttempt, SpoolEntry } from './spool.ts';

/** A complete answer of the provider. */
export interface CompleteAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  sentAt: string;
  endedAt: string;
  elapsedMs: number;
}

export interface PaidCall {
  entry: SpoolEntry;
  workflowId: string;
  binding: WorkerBinding;
  temporalAttempt: number;
  maxAttempts: number;
  /**
   * Gets request n ready; what fails here (`AttemptFailed`) fails before anything is sent and leaves no attempt. The
   * function it returns sends exactly one request and rejects with `CallFailed`.
   */
  prepare: (attempt: number) => Promise<() => Promise<CompleteAnswer>>;
  /** Milliseconds until the next request after this failure of request n (SPEC R3). */
  delayMs: (attempt: number, failure: CallFailure) => number;
  /** Milliseconds since 1970, never behind the server that schedules attempts: announced waits are kept in its time. */
  nowMs: () => number;
  /** Told of each request that ended without an answer, also of those found cut off. */
  onEnded: (record: AttemptRecord) => Promise<void>;
}

export interface PaidAnswer {
  header: AnswerHeader;
  body: Buffer;
  /** True when no request was sent for it now. */
  adopted: boolean;
}

/**
 * The answer to this generation's request. The caller holds the entry's lock: nobody else is sending, and a request
 * with neither answer nor end was cut off. Throws `AttemptFailed`; a retryable one says when to come back.
 */
export async function payOnce(call: PaidCall): Promise<PaidAnswer> {
  const spooled = await call.entry.answer();
  if (spooled !== null) return { ...spooled, adopted: true };
  await closeCutOffRequests(call);
  await countUnknownAttempts(call);
  const attempts = await call.entry.attempts();
  refuseWhenDecided(call, attempts);
  refuseWhenUsedUp(call, attempts);
  return { ...(await sendOne(call, attempts.length + 1)), adopted: false };
}

/** Requests that count against `max_attempts`: a 429 is not billed and does not, nor what a full disk kept from being sent (SPEC R1). */
export function countedRequests(attempts: readonly Pick<SpooledAttempt, 'end'>[]): number {
  return attempts.filter(({ end }) => end?.category !== 'rate_limited' && end?.category !== 'disk').length;
}

/** The wait before a disk that refused a file is tried again. */
const DISK_RETRY_MS = 15_000;

async function sendOne(call: PaidCall, attempt: number): Promise<{ header: AnswerHeader; body: Buffer }> {
  const intent: Intent = {
    ...call.entry.key,
    ...call.binding,
    attempt,
    temporal_attempt: call.temporalAttempt,
    workflow_id: call.workflowId,
    started_at: new Date().toISOString(),
  };
  const send = await call.prepare(attempt);
  await call.entry.writeIntent(intent).catch((error: unknown) => {
    const message = `the spool can't be written: ${(error as Error).message}; nothing was sent`;
    throw new AttemptFailed({ category: 'disk', message }, { delayMs: DISK_RETRY_MS });
  });
  const answer = await send().catch(async (error: unknown) => {
    throw await endedBy(error, call, intent);
  });
  const header = answerHeader(intent, answer);
  await untilWritten(() => call.entry.writeAnswer(header, answer.body));
  return { header, body: answer.body };
}

/** Close a request that failed: its record first, then what the caller throws. */
async function endedBy(error: unknown, call: PaidCall, intent: Intent): Promise<unknown> {
  const failure: CallFailure =
    error instanceof CallFailed
      ? error.failure
      : { category: 'internal', phase: 'sent', message: `unexpected: ${(error as Error).message}` };
  const { retryable } = FAILURES[failure.category];
  const delayMs = retryable ? call.delayMs(intent.attempt, failure) : null;
  const record = endRecord(intent, failure, delayMs === null ? null : call.nowMs() + delayMs);
  await untilWritten(() => call.entry.writeEnd(record));
  await call.onEnded(record);
  return refusal(record, call, await call.entry.attempts());
}

/** A request whose process ended in the middle: it may have been paid, it counts, and it is told (SPEC R1, R4). */
async function closeCutOffRequests(call: PaidCall): Promise<void> {
  for (const { intent, end, answered } of await call.entry.attempts()) {
    if (intent === null || end !== null || answered) continue;
    const message = `worker ${intent.worker_id} (pid ${intent.pid}) ended while request ${intent.attempt} was under way`;
    await closeUnknown(call, intent, message);
  }
}

/** SPEC R4: an earlier Temporal attempt that never looked into this spool may have sent something from elsewhere. */
async function countUnknownAttempts(call: PaidCall): Promise<void> {
  const { run_id } = call.binding;
  for (let temporal = 1; temporal < call.temporalAttempt; temporal += 1) {
    if (await call.entry.hasBegan(run_id, temporal)) continue;
    const attempt = (await call.entry.attempts()).length + 1;
    const origin = { ...call.binding, worker_id: 'unknown', pid: 0, attempt, temporal_attempt: temporal };
    const intent: Intent = {
      ...call.entry.key,
      ...origin,
      workflow_id: call.workflowId,
      started_at: new Date().toISOString(),
    };
    const message = `Temporal attempt ${temporal} left no trace on this host; it may have sent a request from elsewhere`;
    await closeUnknown(call, intent, message);
    await call.entry.markBegan(run_id, temporal);
  }
}

/** Nobody knows when it ended, or how. */
async function closeUnknown(call: PaidCall, intent: Intent, message: string): Promise<void> {
  const ended = endRecord(intent, { category: 'worker_died', phase: 'sent', message }, call.nowMs());
  const record = { ...ended, ended_at: null, elapsed_ms: null };
  await call.entry.writeEnd(record);
  await call.onEnded(record);
}

/** What this run already knows stays true: a final answer is not asked again, an announced time is waited for. */
function refuseWhenDecided(call: PaidCall, attempts: readonly SpooledAttempt[]): void {
  const last = attempts.at(-1)?.end;
  if (!last || last.run_id !== call.binding.run_id) return;
  if (!last.retryable || waitMs(last, call) > 0) throw refusal(last, call, attempts);
}

function refuseWhenUsedUp(call: PaidCall, attempts: readonly SpooledAttempt[]): void {
  const last = attempts.at(-1)?.end;
  if (last && isUsedUp(call, attempts)) throw refusal(last, call, attempts);
}

/** The failure this Temporal attempt ends with, given the last request of the task. */
function refusal(last: AttemptRecord, call: PaidCall, attempts: readonly SpooledAttempt[]): AttemptFailed {
  const report = {
    category: last.category ?? ('internal' as const),
    message: last.error ?? 'failed',
    ...(last.http_status === null ? {} : { http_status: last.http_status }),
    ...(last.request_id === null ? {} : { provider_request_id: last.request_id }),
  };
  if (!last.retryable) return new AttemptFailed(report);
  if (isUsedUp(call, attempts)) return new AttemptFailed(report, { usedUp: true });
  // Never 0: to Temporal that means "the longest interval", not "now".
  return new AttemptFailed(report, { delayMs: Math.max(1, waitMs(last, call)) });
}

function waitMs({ next_attempt_at }: AttemptRecord, { nowMs }: PaidCall): number {
  return next_attempt_at === null ? 0 : Date.parse(next_attempt_at) - nowMs();
}

function isUsedUp(call: PaidCall, attempts: readonly SpooledAttempt[]): boolean {
  const counted = countedRequests(attempts);
  return counted >= call.maxAttempts || attempts.length - counted >= TASK_LIMITS.rateLimited;
}

function endRecord(intent: Intent, failure: CallFailure, nextAttemptAtMs: number | null): AttemptRecord {
  const endedAt = new Date();
  return {
    ...originOf(intent),
    ok: false,
    phase: failure.phase,
    ended_at: endedAt.toISOString(),
    elapsed_ms: endedAt.getTime() - Date.parse(intent.started_at),
    http_status: failure.httpStatus ?? null,
    request_id: failure.requestId ?? null,
    category: failure.category,
    error: failure.message,
    retryable: FAILURES[failure.category].retryable,
    billing: billingOf(failure.category, failure.phase),
    next_attempt_at: nextAttemptAtMs === null ? null : new Date(nextAttemptAtMs).toISOString(),
  };
}

/** The record of a request that was answered; whether the answer is an image is the caller's to say. */
export function answeredRecord(
  header: AnswerHeader,
  verdict: { ok: true; notes: AnswerNotes } | { ok: false; error: string; category: FailureCategory | null },
  requestId: string | null,
): AttemptRecord {
  return {
    ...originOf(header),
    ok: verdict.ok,
    phase: 'done',
    ended_at: header.ended_at,
    elapsed_ms: header.elapsed_ms,
    http_status: header.status,
    request_id: requestId,
    category: verdict.ok ? null : verdict.category,
    error: verdict.ok ? null : verdict.error,
    retryable: false,
    billing: 'yes',
    next_attempt_at: null,
    ...(verdict.ok ? { answer: verdict.notes } : {}),
  };
}

function originOf(intent: Intent) {
  const {
    attempt,
    temporal_attempt,
    worker_id,
    pid,
    thread_id,
    run_id,
    workflow_id,
    generation_id,
    started_at,
  } = intent;
  return {
    schema_version: SCHEMA_VERSION,
    attempt,
    temporal_attempt,
    worker_id,
    pid,
    thread_id,
    run_id,
    workflow_id,
    generation_id,
    started_at,
  };
}

function answerHeader(intent: Intent, answer: CompleteAnswer): AnswerHeader {
  return {
    ...intent,
    status: answer.status,
    headers: answer.headers,
    sha256: createHash('sha256').update(answer.body).digest('hex'),
    bytes: answer.body.length,
    sent_at: answer.sentAt,
    ended_at: answer.endedAt,
    elapsed_ms: Math.round(answer.elapsedMs),
  };
}

const WRITE_RETRIES = 120;
const WRITE_RETRY_MS = 5_000;

/** What was paid is held in memory while the disk refuses it: the write is tried again, never the call. */
export async function untilWritten<T>(write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write();
    } catch (error) {
      if (tries === WRITE_RETRIES) throw error;
      await sleep(WRITE_RETRY_MS);
    }
  }
}
