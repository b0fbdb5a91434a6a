/**
 * How one image is paid for once: adopt a spooled answer, else settle what was cut off, count, wait, and only then
 * send (SPEC R1, R3, R5). What is sent and how an answer is judged is the caller's; here is who may send, and when.
 */
import type { AttemptRecord, WorkerBinding } from '../domain/records.ts';
import { beginWait, waitLeftMs } from './announced-wait.ts';
import { answerHeader, type CompleteAnswer, endRecord } from './attempt-records.ts';
import { budgetOf, type CallBudget } from './call-budget.ts';
import { AttemptFailed, CallFailed, type CallFailure, isRetryable } from './call-failures.ts';
import {
  type AnswerHeader,
  type Intent,
  SpoolDamaged,
  type SpooledAttempt,
  type SpoolEntry,
} from './spool.ts';
import { type Deadline, deadlineNow, refuseWhenOverdue, type TaskTime } from './task-deadline.ts';
import { diskProblem, type DiskPatience, untilWritten } from './until-written.ts';

/**
 * Sends exactly one request and rejects with `CallFailed`. It calls `beforeFirstByte` when the connection stands and
 * nothing is written yet; when that throws, it sends nothing. It ends the request when the time of the task is over.
 */
export type SendRequest = (beforeFirstByte: () => void, deadline: Deadline) => Promise<CompleteAnswer>;

export interface PaidCall extends TaskTime, CallBudget {
  entry: SpoolEntry;
  earlier: readonly { end: AttemptRecord }[];
  workflowId: string;
  /** Folder of its task: there its result is recorded. */
  runDir: string;
  binding: WorkerBinding;
  temporalAttempt: number;
  /** Earlier Temporal attempts that may have sent a request and left no record in the task's folder (SPEC R4). */
  unproven: readonly number[];
  /** The attempt before ended with a wait, and Temporal has waited it out. */
  isWaitedOut: boolean;
  /** Highest number of an attempt that the task's folder knows, 0 for none: numbers go on behind it, whatever the spool knows. */
  recordedAttempts: number;
  /**
   * Gets request n ready; what fails here (`AttemptFailed`) fails before anything is sent and leaves no attempt.
   */
  prepare: (attempt: number) => Promise<SendRequest>;
  /** Milliseconds until the next request after this failure of request n (SPEC R3). */
  delayMs: (attempt: number, failure: CallFailure) => number;
  /** Told of each request that ended without an answer, also of those found cut off. */
  onEnded: (record: AttemptRecord) => Promise<void>;
  /** With a disk that refuses what came of a request. */
  patience: DiskPatience;
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
  refuseWhenSpent(call, attempts);
  refuseWhenOverdue(call, attempts);
  return { ...(await sendOne(call, attempts)), adopted: false };
}

function nextNumber({ recordedAttempts }: PaidCall, attempts: readonly SpooledAttempt[]): number {
  return Math.max(recordedAttempts, attempts.at(-1)?.attempt ?? 0) + 1;
}

/** The wait before a disk that refused a file is tried again. */
const DISK_RETRY_MS = 15_000;

async function sendOne(
  call: PaidCall,
  before: readonly SpooledAttempt[],
): Promise<{ header: AnswerHeader; body: Buffer }> {
  const attempt = nextNumber(call, before);
  const send = await call.prepare(attempt);
  // Getting ready may have been a wait.
  refuseWhenOverdue(call, before);
  const deadline = deadlineNow(call, before);
  const intent: Intent = {
    ...call.entry.key,
    ...call.binding,
    attempt,
    temporal_attempt: call.temporalAttempt,
    workflow_id: call.workflowId,
    run_dir: call.runDir,
    started_at: new Date().toISOString(),
    ...(deadline.atMs === null ? {} : { deadline_at: new Date(deadline.atMs).toISOString() }),
  };
  await call.entry.writeIntent(intent).catch((error: unknown) => {
    const message = `the spool can't be written: ${(error as Error).message}; nothing was sent`;
    throw new AttemptFailed({ category: 'disk', message }, { delayMs: DISK_RETRY_MS });
  });
  const begunMs = performance.now();
  const answer = await send(() => call.entry.markSent(attempt), deadline).catch(async (error: unknown) => {
    throw await endedBy(error, call, intent, performance.now() - begunMs);
  });
  const header = answerHeader(intent, answer);
  try {
    await untilWritten(() => call.entry.writeAnswer(header, answer.body), call.patience);
  } catch (error) {
    throw error instanceof SpoolDamaged ? error : await lost(error, call, header);
  }
  return { header, body: answer.body };
}

/** Close a request that failed: its record first, then what the caller throws. */
async function endedBy(error: unknown, call: PaidCall, intent: Intent, elapsedMs: number): Promise<unknown> {
  const failure: CallFailure =
    error instanceof CallFailed
      ? error.failure
      : { category: 'internal', phase: 'sent', message: `unexpected: ${(error as Error).message}` };
  await keepPartial(call.entry, intent, failure);
  const nextMs = await nextAttemptAtMs(call, intent, failure);
  const record = endRecord(intent, failure, { nextAttemptAtMs: nextMs, elapsedMs });
  beginWait(record, call.nowMs());
  await untilWritten(() => call.entry.writeEnd(record), call.patience);
  await call.onEnded(record);
  return refusal(record, call, await call.entry.attempts());
}

/**
 * The process has to end and the disk still refuses the answer: it was paid and is lost. That is said wherever a small
 * file can still be written.
 */
async function lost(problem: unknown, call: PaidCall, header: AnswerHeader): Promise<unknown> {
  const { attempt, status, bytes, elapsed_ms } = header;
  const message = `request ${attempt} was answered (HTTP ${status}, ${bytes} bytes) and paid; the disk refused the answer until its worker had to end (${diskProblem(problem)})`;
  const failure: CallFailure = { category: 'worker_died', phase: 'done', message, httpStatus: status };
  const end = endRecord(header, failure, { nextAttemptAtMs: call.nowMs(), elapsedMs: elapsed_ms });
  const record: AttemptRecord = { ...end, billing: 'yes' };
  await Promise.allSettled([call.entry.writeEnd(record), call.onEnded(record)]);
  return refusal(record, call, await call.entry.attempts());
}

/** Evidence, not a record: a disk without room for it must not keep the record back. */
async function keepPartial(entry: SpoolEntry, { attempt }: Intent, { partial }: CallFailure): Promise<void> {
  if (partial === undefined) return;
  try {
    await entry.writePartial(attempt, partial);
  } catch {
    // The record says how much came.
  }
}

/** Null when no further request follows: nobody shall wait for one. */
async function nextAttemptAtMs(call: PaidCall, intent: Intent, failure: CallFailure): Promise<number | null> {
  if (!isRetryable(failure)) return null;
  const before = (await call.entry.attempts()).filter(({ attempt }) => attempt !== intent.attempt);
  if (budgetOf(call, [...before, { end: failure }]) !== 'open') return null;
  const nextMs = call.nowMs() + call.delayMs(intent.attempt, failure);
  const isTooLate = intent.deadline_at !== undefined && nextMs > Date.parse(intent.deadline_at);
  return isTooLate ? null : nextMs;
}

/**
 * A request whose process ended in the middle is told (SPEC R1, R4): once its first byte may have gone out it may have
 * been paid, and counts.
 */
async function closeCutOffRequests(call: PaidCall): Promise<void> {
  for (const { intent, end, answered, sent } of await call.entry.attempts()) {
    if (intent === null || end !== null || answered) continue;
    const when = sent
      ? `while request ${intent.attempt} was under way`
      : `before request ${intent.attempt} was sent`;
    const message = `worker ${intent.worker_id} (pid ${intent.pid}) ended ${when}`;
    await closeUnknown(call, intent, { message, phase: sent ? 'sent' : 'connecting' });
  }
}

/** SPEC R4: of these nothing proves that nothing was sent, and one that never looked into this spool sent from elsewhere. */
async function countUnknownAttempts(call: PaidCall): Promise<void> {
  const { run_id } = call.binding;
  const began = await call.entry.beganAmong(run_id, call.unproven);
  for (const temporal of call.unproven) {
    if (began.has(temporal)) continue;
    const attempt = nextNumber(call, await call.entry.attempts());
    const origin = { ...call.binding, worker_id: 'unknown', pid: 0, attempt, temporal_attempt: temporal };
    const intent: Intent = {
      ...call.entry.key,
      ...origin,
      workflow_id: call.workflowId,
      started_at: new Date().toISOString(),
    };
    const message = `Temporal attempt ${temporal} left no trace on this host; it may have sent a request from elsewhere`;
    await closeUnknown(call, intent, { message, phase: 'sent' });
    await call.entry.markBegan(run_id, temporal);
  }
}

/** Nobody knows when it ended, or how. */
async function closeUnknown(
  call: PaidCall,
  intent: Intent,
  how: Pick<CallFailure, 'message' | 'phase'>,
): Promise<void> {
  const atOnce = { nextAttemptAtMs: call.nowMs(), elapsedMs: null };
  const record = endRecord(intent, { category: 'worker_died', ...how }, atOnce);
  await call.entry.writeEnd(record);
  await call.onEnded(record);
}

/** What this run already knows stays true: a final answer is not asked again, an announced time is waited for. */
function refuseWhenDecided(call: PaidCall, attempts: readonly SpooledAttempt[]): void {
  const last = attempts.at(-1)?.end;
  if (!last || last.run_id !== call.binding.run_id) return;
  const isFinal = !last.retryable || last.next_attempt_at === null;
  if (isFinal || waitMs(last, call) > 0) throw refusal(last, call, attempts);
}

function refuseWhenSpent(call: PaidCall, attempts: readonly SpooledAttempt[]): void {
  // What an earlier generation ended with is no verdict on this one: only what it counts for is.
  const [before] = call.earlier.slice(-1).map(({ end }) => ({ ...end, retryable: true }));
  const last = attempts.at(-1)?.end ?? before;
  if (last && budgetOf(call, attempts) !== 'open') throw refusal(last, call, attempts);
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
  switch (budgetOf(call, attempts)) {
    case 'on hold':
      return new AttemptFailed({ ...report, category: 'needs_review' });
    case 'used up':
      return new AttemptFailed(report, { usedUp: true });
    case 'open':
      break;
  }
  if (last.next_attempt_at === null) {
    const message = `${report.message}; the time of this task would be over before the next request`;
    return new AttemptFailed({ ...report, message });
  }
  // Never 0: to Temporal that means "the longest interval", not "now".
  return new AttemptFailed(report, { delayMs: Math.max(1, waitMs(last, call)) });
}

function waitMs(last: AttemptRecord, { nowMs, isWaitedOut }: PaidCall): number {
  return waitLeftMs(last, { nowMs: nowMs(), isWaitedOut });
}
