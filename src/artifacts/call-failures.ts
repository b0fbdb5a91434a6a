import { type FailureCategory, type FailureReport, FAILURES, type Phase } from '../domain/failure.ts';

/** How one request ended without a complete answer. */
export interface CallFailure {
  category: FailureCategory;
  phase: Phase;
  /** One line, redacted. */
  message: string;
  httpStatus?: number;
  requestId?: string;
  /** Wait the provider asked for, in milliseconds. */
  retryAfterMs?: number;
  /** The provider says that repeating is no use; it can only take from what SPEC R2 repeats. */
  final?: true;
  /** The limit of the request ended it in the body of a refusal, whose category this is. */
  atLimit?: true;
  /** What came of an answer that was cut: evidence, never an image. */
  partial?: Buffer;
}

/** Whether another request may follow at all (SPEC R2). */
export function isRetryable({ category, final }: Pick<CallFailure, 'category' | 'final'>): boolean {
  return FAILURES[category].retryable && final !== true;
}

/** What `send` rejects with. */
export class CallFailed extends Error {
  override name = 'CallFailed';
  readonly failure: CallFailure;

  constructor(failure: CallFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** Why this Temporal attempt has no image; the activity turns it into an `ApplicationFailure`. */
export class AttemptFailed extends Error {
  override name = 'AttemptFailed';
  readonly report: FailureReport;
  /** Milliseconds until the next attempt; null when there is to be none. */
  readonly delayMs: number | null;
  readonly usedUp: boolean;

  constructor(report: FailureReport, options: { delayMs?: number | null; usedUp?: boolean } = {}) {
    super(`${report.message} (${FAILURES[report.category].reason})`);
    this.report = report;
    this.delayMs = options.delayMs ?? null;
    this.usedUp = options.usedUp ?? false;
  }
}
