/**
 * The paid call (SPEC R1): at most one HTTP request per Temporal attempt. This file is the Temporal side — signs of
 * life, cancellation, what is retried when; `generation.ts` is the work itself, which may outlive the attempt.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { AttemptFailed } from '../artifacts/call-failures.ts';
import { type Flight, Flights } from '../artifacts/flights.ts';
import { SpoolDamaged, type SpoolEntry } from '../artifacts/spool.ts';
import { TaskFolder } from '../artifacts/task-folder.ts';
import { untilWritten } from '../artifacts/until-written.ts';
import type { Delivery, ImageActivities } from '../domain/activity-contract.ts';
import { FAILURE_TYPES, type FailureReport } from '../domain/failure.ts';
import { type AttemptHeartbeat, type CancelMode, TASK_MESSAGES } from '../domain/messages.ts';
import type { AdmittedTask } from '../domain/task.ts';
import { ADOPTING_ATTEMPTS, attemptsLeft, waitedBefore } from '../domain/temporal-attempts.ts';
import { findProof } from './adopt.ts';
import { isWait, signOfLife, type Told, wordBeforeWait } from './attempt-heartbeat.ts';
import type { ActivityDeps } from './deps.ts';
import { isWaitedOut, mayHaveSent } from './earlier-attempts.ts';
import { Generation } from './generation.ts';
import type { AttemptOrigin, GenerationProgress } from './generation-progress.ts';
import { heartbeating } from './heartbeating.ts';
import { hasKeptAnswer } from './kept-answer.ts';
import { readAdmittedTask } from './task-of-order.ts';

type ImageFlight = Flight<Delivery, GenerationProgress>;
type Sending = Pick<AttemptOrigin, 'sendsNothing'>;

export function createGenerateImage(deps: ActivityDeps): ImageActivities['generateImage'] {
  const fly = createFlights(deps);
  return async function generateImage(order) {
    const { attempt, heartbeatDetails: told } = Context.current().info;
    const left = attemptsLeft(attempt, order.max_attempts, told as Partial<AttemptHeartbeat> | undefined);
    try {
      if (left < 0) throw triedTooOften(order.max_attempts);
      const task = await readAdmittedTask(order);
      const proven = await findProof(task);
      return proven?.generated ?? (await fly(task));
    } catch (error) {
      const failure = asTemporalFailure(error);
      throw left > 0 ? failure : withoutFollower(failure);
    }
  };
}

/** The last of them ended without a word: one that says why is told that none follows. */
function triedTooOften(maxAttempts: number): AttemptFailed {
  const message = `no image after ${maxAttempts + ADOPTING_ATTEMPTS} attempts, those that only waited not counted; the last one ended without a word, an answer that came is kept`;
  return new AttemptFailed({ category: 'worker_died', message }, { usedUp: true });
}

/** No other attempt follows, unless this one only waited. */
function withoutFollower(failure: unknown): unknown {
  if (!(failure instanceof ApplicationFailure)) return failure;
  const [report] = (failure.details ?? []) as [FailureReport?];
  if (isWait(report?.category)) return failure;
  return ApplicationFailure.nonRetryable(failure.message, failure.type, ...(failure.details ?? []));
}

/** Sends nothing: it adopts what is there, or waits for a request that another attempt has in the air. */
export function createCollectImage(deps: ActivityDeps): ImageActivities['collectImage'] {
  const fly = createFlights(deps);
  return async function collectImage(order) {
    try {
      const task = await readAdmittedTask(order);
      return (await mayBringImage(deps, task)) ? await fly(task, { sendsNothing: true }) : null;
    } catch (error) {
      throw asTemporalFailure(error);
    }
  };
}

/** An answer is there, or a request has no end yet: its process may be suspended, or have lost the server. */
async function mayBringImage(deps: ActivityDeps, task: AdmittedTask): Promise<boolean> {
  const last = (await deps.spool.look(task)).at(-1);
  const isUnderWay = last !== undefined && last.sent && last.end === null && !last.answered;
  return isUnderWay || hasKeptAnswer(deps.spool, new TaskFolder(task.run_dir, deps.redactLong), task);
}

/** Of a process, whichever of its lanes asks. */
const flightsOf = new WeakMap<ActivityDeps, Flights<Delivery, GenerationProgress>>();

/** Generations at work in this process: an attempt joins the one that is in the air. */
function createFlights(deps: ActivityDeps): (task: AdmittedTask, how?: Sending) => Promise<Delivery> {
  const flights = flightsOf.get(deps) ?? new Flights<Delivery, GenerationProgress>();
  flightsOf.set(deps, flights);
  return fly;

  async function fly(
    task: AdmittedTask,
    { sendsNothing }: Sending = { sendsNothing: false },
  ): Promise<Delivery> {
    const context = Context.current();
    const { workflowExecution, attempt, currentAttemptScheduledTimestampMs, heartbeatDetails } = context.info;
    const { workflowId, runId } = workflowExecution ?? { workflowId: task.task_key, runId: 'none' };
    const lastTold = heartbeatDetails as Partial<AttemptHeartbeat> | undefined;
    const earlier = mayHaveSent(lastTold, {
      generationId: task.generation_id,
      temporalAttempt: attempt,
    });
    const before = { mayHaveSent: earlier, waited: waitedBefore(attempt, lastTold) };
    const entry = await openPatiently(task, before, () => openMarked(task, runId, attempt));
    const generation = new Generation(deps, task, entry, {
      workflowId,
      runId,
      temporalAttempt: attempt,
      sendsNothing,
      orderedMs: context.info.scheduledTimestampMs,
      clockBehindMs: Math.max(0, currentAttemptScheduledTimestampMs - Date.now()),
      toldDeadlineMs: deadlineIn(lastTold),
      mayHaveSent: earlier,
      isWaitedOut: isWaitedOut(lastTold, attempt),
    });
    const flight = flights.join(entry, generation.progress, (signal) => generation.run(signal));
    if (flight.joined) flight.progress.waiting += 1;
    const { progress, joined } = flight;
    const told = { temporalAttempt: attempt, progress, joined, ...before };
    return heartbeating(
      () => signOfLife(task, told),
      () => untilLanded(flight),
    ).catch((error: unknown) => {
      if (error instanceof AttemptFailed && error.delayMs !== null)
        context.heartbeat(wordBeforeWait(task, told, error));
      throw error;
    });
  }

  async function openMarked(task: AdmittedTask, runId: string, attempt: number): Promise<SpoolEntry> {
    const entry = await deps.spool.open(task);
    await entry.markBegan(runId, attempt);
    return entry;
  }
}

/**
 * A disk that refuses is waited for here: an attempt without its mark would be taken for one that may have sent
 * something from elsewhere. Nothing is held in memory, so it ends with its attempt.
 */
async function openPatiently(
  task: AdmittedTask,
  before: Pick<Told, 'mayHaveSent' | 'waited'>,
  open: () => Promise<SpoolEntry>,
): Promise<SpoolEntry> {
  const { info, cancelled, cancellationSignal: leaving } = Context.current();
  let problem: string | null = null;
  const onRefused = (refusal: string | null) => void (problem = refusal);
  const known = { temporalAttempt: info.attempt, progress: null, joined: false, ...before };
  const told = () => ({ ...known, diskProblem: problem });
  return open().catch(() =>
    heartbeating(
      () => signOfLife(task, told()),
      () => Promise.race([untilWritten(open, { leaving, onRefused }, 1), cancelled]),
    ),
  );
}

/** What the last attempt told with its signs of life, wherever it ran (DESIGN 2.2). */
function deadlineIn(details: Partial<AttemptHeartbeat> | undefined): number | null {
  const atMs = Date.parse(details?.deadline_at ?? '');
  return Number.isNaN(atMs) ? null : atMs;
}

/**
 * SPEC R5: a cancel that says so aborts a sent request. A lost heartbeat, a closed workflow, a worker that shuts down
 * let it run on: what was paid shall be spooled.
 */
async function untilLanded(flight: ImageFlight): Promise<Delivery> {
  const context = Context.current();
  const landed = flight.promise.then(
    () => false,
    () => false,
  );
  const cancelRequested = context.cancelled.catch(() => {
    // The server knows this attempt no more. Another one may wait for the same flight, or come for its answer.
    if (context.cancellationDetails?.notFound) flight.progress.waiting -= 1;
    return context.cancellationDetails?.cancelRequested === true;
  });
  if (!(await Promise.race([landed, cancelRequested]))) return flight.promise;
  if (await landsBeforeAbort(flight, landed)) return flight.promise;
  flight.abort();
  const cancelled = new CancelledFailure('cancelled by request; a request that was sent may still be billed');
  if (!(await landsOrIsRefused(flight.progress, landed))) throw cancelled;
  return flight.promise.catch(() => {
    throw cancelled;
  });
}

const LOOK_MS = 500;

/** False when the disk refuses what came of the request: it is tried on, and nobody who cancelled waits for that (SPEC B7). */
async function landsOrIsRefused(progress: GenerationProgress, landed: Promise<boolean>): Promise<boolean> {
  const isLanded = landed.then(() => true);
  while (progress.diskProblem === null)
    if (await Promise.race([isLanded, sleep(LOOK_MS, false)])) return true;
  return false;
}

/** A cancel that lets sent requests finish may become one that does not (SPEC B7: within 10 s). */
const ASK_AGAIN_MS = 3_000;

/** True when a sent request ended by itself, as somebody who cancelled wants it to. */
async function landsBeforeAbort({ progress }: ImageFlight, landed: Promise<boolean>): Promise<boolean> {
  const isLanded = landed.then(() => true);
  while (progress.sentAtMs !== null) {
    const mode = await cancelMode();
    if (mode === 'now') return false;
    const pauseMs = mode === 'finish' ? ASK_AGAIN_MS : UNANSWERED_PAUSE_MS;
    if (await Promise.race([isLanded, sleep(pauseMs, false)])) return true;
  }
  return false;
}

const ASKED_FOR_MS = 3_000;
/** After a question that nobody answered: it has waited already. */
const UNANSWERED_PAUSE_MS = 500;

/**
 * What its workflow means by it. Only a cancel that says so aborts (SPEC R5): while nobody answers for the workflow, because
 * its worker starts again, or a machine is busy, the request goes on. One that is gone means what Temporal's own cancel does.
 */
async function cancelMode(): Promise<CancelMode | 'not known'> {
  try {
    const { client, info } = Context.current();
    const { workflowId, runId } = info.workflowExecution ?? { workflowId: '', runId: '' };
    const handle = client.workflow.getHandle(workflowId, runId);
    const ask = () => handle.query<CancelMode>(TASK_MESSAGES.cancelMode);
    return await client.withDeadline(Date.now() + ASKED_FOR_MS, ask);
  } catch (error) {
    // What the client says of a call that failed; an answer of the server's has a name of its own.
    return (error as Error).name === 'ServiceError' ? 'not known' : 'now';
  }
}

/** The only place where the wait before the next attempt is handed to Temporal (SPEC R3, DESIGN 2.5). */
function asTemporalFailure(error: unknown): unknown {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof SpoolDamaged) {
    const report = { category: 'needs_review', message: error.message };
    return ApplicationFailure.nonRetryable(error.message, FAILURE_TYPES.attempt, report);
  }
  if (!(error instanceof AttemptFailed)) return asAttemptFailure(error);
  const { report, delayMs, usedUp, message } = error;
  const type = usedUp ? FAILURE_TYPES.attemptsUsedUp : FAILURE_TYPES.attempt;
  if (usedUp || delayMs === null) return ApplicationFailure.nonRetryable(message, type, report);
  return ApplicationFailure.create({ message, type, details: [report], nextRetryDelay: delayMs });
}

/** Longer each time: what was paid is in the spool, and a person needs hours at most to free a disk. */
function diskRetryMs(): number {
  return 15_000 * Context.current().info.attempt;
}

/** What nobody foresaw: a file that can't be used is worth waiting for, anything else is a fault of ours. */
function asAttemptFailure(error: unknown): ApplicationFailure | CancelledFailure {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === 'AbortError') return new CancelledFailure('cancelled by request');
  if (code === undefined) {
    return ApplicationFailure.nonRetryable(`unexpected: ${message}`, FAILURE_TYPES.attempt, {
      category: 'internal',
      message,
    });
  }
  return ApplicationFailure.create({
    message: `a file could not be used: ${message}`,
    type: FAILURE_TYPES.attempt,
    details: [{ category: 'disk', message }],
    nextRetryDelay: diskRetryMs(),
  });
}
