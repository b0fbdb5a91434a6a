/**
 * The paid call (SPEC R1): at most one HTTP request per Temporal attempt. This file is the Temporal side — signs of
 * life, cancellation, what is retried when; `generation.ts` is the work itself, which may outlive the attempt.
 */
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity';
import { AttemptFailed } from '../artifacts/call-failures.ts';
import { type Flight, Flights } from '../artifacts/flights.ts';
import { untilWritten } from '../artifacts/paid-call.ts';
import { SpoolDamaged } from '../artifacts/spool.ts';
import type { GeneratedImage, ImageActivities } from '../domain/activity-contract.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import type { AttemptHeartbeat } from '../domain/messages.ts';
import type { AdmittedTask } from '../domain/task.ts';
import { findProof } from './adopt.ts';
import type { ActivityDeps } from './deps.ts';
import { Generation, type GenerationProgress } from './generation.ts';

type ImageFlight = Flight<GeneratedImage, GenerationProgress>;

export function createGenerateImage(deps: ActivityDeps): ImageActivities['generateImage'] {
  const flights = new Flights<GeneratedImage, GenerationProgress>();

  return async function generateImage(task) {
    try {
      const proven = await findProof(task, 'same call');
      return proven?.generated ?? (await fly(task));
    } catch (error) {
      throw asTemporalFailure(error);
    }
  };

  async function fly(task: AdmittedTask): Promise<GeneratedImage> {
    const { info } = Context.current();
    const { workflowId, runId } = info.workflowExecution ?? { workflowId: task.task_key, runId: 'none' };
    const entry = await deps.spool.open(task);
    // An attempt without this mark would be taken for one that may have sent something from elsewhere.
    await untilWritten(() => entry.markBegan(runId, info.attempt));
    const generation = new Generation(deps, task, entry, {
      workflowId,
      runId,
      temporalAttempt: info.attempt,
      clockBehindMs: Math.max(0, info.currentAttemptScheduledTimestampMs - Date.now()),
    });
    const flight = flights.join(entry, generation.progress, (signal) => generation.run(signal));
    return heartbeating(
      () => heartbeatOf(task, info.attempt, flight),
      () => untilLanded(flight),
    );
  }
}

/** Milliseconds between signs of life; the worker's throttle must not be longer. */
const HEARTBEAT_INTERVAL_MS = 5_000;

async function heartbeating<T>(details: () => AttemptHeartbeat, work: () => Promise<T>): Promise<T> {
  const context = Context.current();
  context.heartbeat(details());
  const timer = setInterval(() => context.heartbeat(details()), HEARTBEAT_INTERVAL_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

function heartbeatOf(
  task: AdmittedTask,
  temporalAttempt: number,
  flight: ImageFlight & { joined: boolean },
): AttemptHeartbeat {
  const { waitingFor, attempt, sentAtMs } = flight.progress;
  return {
    waiting_for: flight.joined ? 'a call of the same generation' : waitingFor,
    generation_id: task.generation_id,
    temporal_attempt: temporalAttempt,
    sent: sentAtMs !== null,
    attempt,
    elapsed_seconds: sentAtMs === null ? 0 : Math.round((Date.now() - sentAtMs) / 1000),
    limit_seconds: Math.round(task.timeout_ms / 1000),
  };
}

/**
 * SPEC R5: a cancel that says so aborts a sent request. A lost heartbeat, a closed workflow, a worker that shuts down
 * let it run on: what was paid shall be spooled.
 */
async function untilLanded(flight: ImageFlight): Promise<GeneratedImage> {
  const context = Context.current();
  const landed = flight.promise.then(
    () => false,
    () => false,
  );
  const cancelRequested = context.cancelled.catch(
    () => context.cancellationDetails?.cancelRequested === true,
  );
  if (!(await Promise.race([landed, cancelRequested]))) return flight.promise;
  flight.abort();
  return flight.promise.catch(() => {
    throw new CancelledFailure('cancelled by request; a request that was sent may still be billed');
  });
}

/** The only place where the wait before the next attempt is handed to Temporal (SPEC R3, DESIGN 2.5). */
function asTemporalFailure(error: unknown): unknown {
  if (error instanceof CancelledFailure) return error;
  if (error instanceof SpoolDamaged) {
    const report = { category: 'bad_response', message: error.message };
    return ApplicationFailure.nonRetryable(error.message, FAILURE_TYPES.attempt, report);
  }
  if (!(error instanceof AttemptFailed)) return asAttemptFailure(error);
  const { report, delayMs, usedUp, message } = error;
  const type = usedUp ? FAILURE_TYPES.attemptsUsedUp : FAILURE_TYPES.attempt;
  if (usedUp || delayMs === null) return ApplicationFailure.nonRetryable(message, type, report);
  return ApplicationFailure.create({ message, type, details: [report], nextRetryDelay: delayMs });
}

const DISK_RETRY_MS = 15_000;

/** What nobody foresaw: a file that can't be written is worth waiting for, anything else is a fault of ours. */
function asAttemptFailure(error: unknown): ApplicationFailure {
  const { code, message } = error as NodeJS.ErrnoException;
  const category = code === undefined ? 'internal' : 'disk';
  return ApplicationFailure.create({
    message: code === undefined ? `unexpected: ${message}` : `a file could not be used: ${message}`,
    type: FAILURE_TYPES.attempt,
    details: [{ category, message }],
    nextRetryDelay: DISK_RETRY_MS,
  });
}
