/** What an attempt tells of itself: for the Web UI in words, for programs in fields (SPEC T2). */
import type { AttemptFailed } from '../artifacts/call-failures.ts';
import type { FailureCategory } from '../domain/failure.ts';
import type { AttemptHeartbeat, WaitingFor } from '../domain/messages.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { GenerationProgress } from './generation-progress.ts';

export interface Told {
  temporalAttempt: number;
  /** Null before the generation is at work. */
  progress: GenerationProgress | null;
  /** Why the disk refuses, before the generation is at work. */
  diskProblem?: string | null;
  /** It waits for work that an earlier attempt began. */
  joined: boolean;
  /** Earlier Temporal attempts that may have sent a request. */
  mayHaveSent: readonly number[];
  /** Earlier Temporal attempts that only waited. */
  waited: number;
}

/** While it is at work. */
export function signOfLife(task: AdmittedTask, told: Told): AttemptHeartbeat {
  const { temporalAttempt, progress, joined, mayHaveSent, waited } = told;
  const diskProblem = told.diskProblem ?? progress?.diskProblem ?? null;
  const { waitingFor = 'the spool', attempt = 0, sentAtMs = null } = progress ?? {};
  const { limitMs = task.timeout_ms, deadlineAtMs = null, notBeforeMs = null } = progress ?? {};
  const facts: Facts = {
    waiting_for: waitingForOf(waitingFor, { joined, diskProblem }),
    generation_id: task.generation_id,
    temporal_attempt: temporalAttempt,
    sent: sentAtMs !== null,
    // While it lives it may be about to.
    may_have_sent: [...mayHaveSent, temporalAttempt],
    // Its time may pass before the disk takes what it has.
    waited_attempts: waited + (diskProblem === null ? 0 : 1),
    attempt,
    elapsed_seconds: sentAtMs === null ? 0 : Math.round((Date.now() - sentAtMs) / 1000),
    limit_seconds: Math.round(limitMs / 1000),
    deadline_at: isoOrNull(deadlineAtMs),
    ...(diskProblem === null ? {} : { disk_problem: diskProblem }),
    next_attempt_at: isoOrNull(notBeforeMs),
  };
  return { now: sentence(facts, task), ...facts };
}

/**
 * An attempt that comes again because of it only waited: the provider asked this task or another one for fewer requests, which
 * the spool bounds (SPEC R1).
 */
export function isWait(category: FailureCategory | undefined): boolean {
  return category === 'rate_limited';
}

/** A disk that refuses keeps everybody, also who joined. */
function waitingForOf(
  waitingFor: WaitingFor,
  { joined, diskProblem }: Pick<Told, 'joined'> & { diskProblem: string | null },
): WaitingFor {
  if (diskProblem !== null) return 'a disk that refuses';
  return joined ? 'a call of the same generation' : waitingFor;
}

/** The last word of an attempt that will be followed by another one: Temporal shows it as long as the wait lasts. */
export function wordBeforeWait(
  task: AdmittedTask,
  told: Told,
  { report, delayMs }: AttemptFailed,
): AttemptHeartbeat {
  const { now: _, ...facts } = signOfLife(task, told);
  const next_attempt_at = new Date(Date.now() + (delayMs ?? 0)).toISOString();
  // Who joined sent nothing: that was the attempt whose work it joined.
  const isProven = told.joined || !facts.sent;
  const may_have_sent = [...told.mayHaveSent, ...(isProven ? [] : [told.temporalAttempt])];
  const waited_attempts = told.waited + (isWait(report.category) ? 1 : 0);
  const waiting_for = 'the next attempt';
  const waiting: Facts = { ...facts, waiting_for, next_attempt_at, may_have_sent, waited_attempts };
  return { now: `${report.category}: ${sentence(waiting, task)}`, ...waiting };
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

type Facts = Omit<AttemptHeartbeat, 'now'>;

function sentence(facts: Facts, task: AdmittedTask): string {
  const { deadline_at } = facts;
  const deadline =
    deadline_at === null ? '' : `; the time of the whole task is over at ${clock(deadline_at)}`;
  return SENTENCES[facts.waiting_for](facts, task) + deadline;
}

const SENTENCES: Record<WaitingFor, (facts: Facts, task: AdmittedTask) => string> = {
  'the spool': () => 'looking for an answer that was paid before',
  'a call of the same generation': ({ attempt }) =>
    `waiting for request ${attempt}, which an earlier attempt sent and which is still alive`,
  'the image': ({ attempt, elapsed_seconds, limit_seconds }, { max_attempts }) =>
    `request ${attempt} has been with the provider for ${elapsed_seconds} s, at most ${limit_seconds} s; ${max_attempts} may be counted`,
  'the link': ({ attempt }) => `fetching the image that the answer to request ${attempt} links to`,
  'the disk': ({ attempt }) => `saving the answer to request ${attempt}`,
  'a disk that refuses': ({ attempt, sent, disk_problem }) =>
    sent
      ? `request ${attempt} has ended and what came of it can't be written (${disk_problem}): it is held in memory and tried again every 5 s; free the disk and let this worker run`
      : `the spool can't be written (${disk_problem}): it is tried again every 5 s, and nothing is sent before`,
  'the mock': ({ elapsed_seconds, limit_seconds }) =>
    `a mock for ${elapsed_seconds} s, at most ${limit_seconds} s; nothing was sent`,
  'the provider': ({ next_attempt_at }) =>
    `the provider asked this worker to slow down: no request before ${clock(next_attempt_at ?? '')}`,
  'the next attempt': ({ next_attempt_at }) =>
    `waiting for the next attempt, not before ${clock(next_attempt_at ?? '')}`,
};

/** `14:02:31 UTC` of an ISO time. */
function clock(iso: string): string {
  return `${iso.slice(11, 19)} UTC`;
}
