/** How a request is written down: about to be sent, ended, answered (SPEC R4). */
import { createHash } from 'node:crypto';
import { billingOf, type FailureCategory } from '../domain/failure.ts';
import { type AnswerNotes, type AttemptRecord, SCHEMA_VERSION } from '../domain/records.ts';
import { type CallFailure, isRetryable } from './call-failures.ts';
import type { AnswerHeader, Intent } from './spool.ts';

/** A complete answer of the provider. */
export interface CompleteAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
  sentAt: string;
  endedAt: string;
  elapsedMs: number;
}

/**
 * A request that ended without a complete answer. `nextAttemptAtMs`: null when none follows. `elapsedMs`: by a clock that
 * nobody sets; null when nobody knows.
 */
export function endRecord(
  intent: Intent,
  failure: CallFailure,
  { nextAttemptAtMs, elapsedMs }: { nextAttemptAtMs: number | null; elapsedMs: number | null },
): AttemptRecord {
  return {
    ...originOf(intent),
    ok: false,
    phase: failure.phase,
    ended_at: elapsedMs === null ? null : new Date().toISOString(),
    elapsed_ms: elapsedMs === null ? null : Math.round(elapsedMs),
    http_status: failure.httpStatus ?? null,
    request_id: failure.requestId ?? null,
    category: failure.category,
    error: failure.message,
    retryable: isRetryable(failure),
    billing: billingOf(failure.category, failure.phase),
    next_attempt_at: nextAttemptAtMs === null ? null : new Date(nextAttemptAtMs).toISOString(),
  };
}

/** The record of a request that was answered; whether the answer is an image is the caller's to say. */
export function answeredRecord(
  header: AnswerHeader,
  verdict: { ok: true; notes: AnswerNotes } | { ok: false; error: string; category: FailureCategory | null },
): AttemptRecord {
  return {
    ...originOf(header),
    ok: verdict.ok,
    phase: 'done',
    ended_at: header.ended_at,
    elapsed_ms: header.elapsed_ms,
    http_status: header.status,
    request_id: header.headers['x-request-id'] ?? null,
    category: verdict.ok ? null : verdict.category,
    error: verdict.ok ? null : verdict.error,
    retryable: false,
    billing: 'yes',
    next_attempt_at: null,
    response: { sha256: header.sha256, bytes: header.bytes },
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

/** First line of the answer file: whose answer it is, and what proves it whole. */
export function answerHeader(intent: Intent, answer: CompleteAnswer): AnswerHeader {
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
