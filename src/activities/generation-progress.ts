/** What is told of a generation at work, and what it is told of the Temporal attempt that began it. */
import type { WaitingFor } from '../domain/messages.ts';

/** Where a generation stands; read by heartbeats. */
export interface GenerationProgress {
  waitingFor: WaitingFor;
  /** Number of the request under way, 0 before the first. */
  attempt: number;
  sentAtMs: number | null;
  /** Limit of the request under way; before one that of the task's requests. */
  limitMs: number;
  /** When the time of the task is over; null without a limit, or before its first request. */
  deadlineAtMs: number | null;
  /** Until when the provider asked this worker to wait; null when it does not wait for that. */
  notBeforeMs: number | null;
  /** Why the disk refuses what is to be written now; null while it does not. */
  diskProblem: string | null;
  /** Temporal attempts that wait for it; 0 when the workflows of all of them have ended. */
  waiting: number;
}

export interface AttemptOrigin {
  workflowId: string;
  runId: string;
  temporalAttempt: number;
  /** It adopts what was answered, and pays for nothing. */
  sendsNothing: boolean;
  /** When the activity was scheduled first, by the server's clock: milliseconds since 1970. */
  orderedMs: number;
  /** How far this host's clock is behind the server's, at least; 0 or more. */
  clockBehindMs: number;
  /** Earlier Temporal attempts that may have sent a request, as far as signs of life tell. */
  mayHaveSent: readonly number[];
  /** The attempt before ended with a wait, and Temporal has waited it out. */
  isWaitedOut: boolean;
  /** The task's deadline as an earlier Temporal attempt told it; null when none did. */
  toldDeadlineMs: number | null;
}
