/** A task's turn in the lane of its provider: it waits while another task's refusal slows the lane down (SPEC R3). */
import { setTimeout as sleep } from 'node:timers/promises';
import { AttemptFailed, CallFailed, type CallFailure } from '../artifacts/call-failures.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { ProviderLane, SlowDown } from '../provider/lane.ts';
import type { GenerationProgress } from './generation-progress.ts';
import { delayMs } from './request-rules.ts';

/**
 * A slot is held for a wait up to this long in all; a longer one is left to Temporal. It is part of the time that the
 * activity has beside its request.
 */
const HOLD_MS = 30_000;
/** How often a wait looks whether the lane opened earlier, or closed again. */
const LOOK_MS = 500;

export interface LaneTurn {
  task: AdmittedTask;
  lane: ProviderLane;
  progress: Pick<GenerationProgress, 'waitingFor' | 'notBeforeMs'>;
  /** By the server's clock. */
  nowMs: () => number;
  /** When it began to ask. */
  sinceMs: number;
  /** A person's cancel. */
  signal: AbortSignal;
  /** The worker takes no new work. */
  leaving: AbortSignal;
  /** Told once when it begins to wait. */
  onWait: () => Promise<void>;
}

/** Hands on how request n ends, after telling the lane. */
export type InLane = <Answer>(attempt: number, sending: Promise<Answer>) => Promise<Answer>;

/**
 * Resolves while a call may begin: to be asked before anything is read that may be other after a wait.
 * @throws AttemptFailed retryable, when the wait is too long for a slot or the worker leaves; `cancelled`
 */
export async function laneOpens(turn: LaneTurn): Promise<void> {
  const { lane, progress, nowMs, sinceMs, leaving } = turn;
  const { waitingFor } = progress;
  for (let told = false; lane.waitMs(nowMs()) > 0; told = true) {
    const waitMs = lane.waitMs(nowMs());
    if (nowMs() + waitMs > sinceMs + HOLD_MS || leaving.aborted) throw comeBack(turn, waitMs);
    Object.assign(progress, { waitingFor: 'the provider', notBeforeMs: nowMs() + waitMs });
    if (!told) await turn.onWait();
    await pause(Math.min(LOOK_MS, waitMs), turn.signal);
  }
  if (leaving.aborted) throw leftToAnother();
  Object.assign(progress, { waitingFor, notBeforeMs: null });
}

/** Takes the turn: the call begins now. To be asked last, so that no refusal comes in between. Throws as `laneOpens`. */
export async function turnOf(turn: LaneTurn): Promise<InLane> {
  const { lane, nowMs } = turn;
  await laneOpens(turn);
  const pass = lane.begin(nowMs());
  return async (attempt, sending) => {
    try {
      const answer = await sending;
      lane.accepted(pass);
      return answer;
    } catch (error) {
      if (error instanceof CallFailed && isSlowDown(error.failure))
        lane.slowDown(pass, slowDownOf(turn.task, attempt, error.failure), nowMs());
      throw error;
    }
  };
}

function slowDownOf(task: AdmittedTask, attempt: number, failure: CallFailure): SlowDown {
  const waitMs = delayMs(task, attempt, failure);
  return { waitMs, maxMs: task.retry_max_delay_ms, reason: failure.message };
}

/** A provider that is overloaded says so to everybody when it names a time. */
function isSlowDown({ category, retryAfterMs, final }: CallFailure): boolean {
  if (final === true) return false;
  return category === 'rate_limited' || (category === 'unavailable' && retryAfterMs !== undefined);
}

/** Nothing was sent and nothing is counted: the same request comes in another Temporal attempt. */
function comeBack({ task, lane, nowMs }: LaneTurn, waitMs: number): AttemptFailed {
  const until = new Date(nowMs() + waitMs).toISOString();
  const message = `${task.provider} asked this worker to slow down until ${until}; nothing was sent (${lane.reason})`;
  return new AttemptFailed({ category: 'rate_limited', message }, { delayMs: Math.max(1, waitMs) });
}

function leftToAnother(): AttemptFailed {
  const message = 'the worker was asked to end; nothing was sent, another worker will';
  return new AttemptFailed({ category: 'worker_died', message }, { delayMs: 1 });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw new AttemptFailed({ category: 'cancelled', message: 'cancelled before anything was sent' });
  });
}
