import type { EndStatus } from './status.ts';

/** Whether the provider may charge for an attempt (SPEC R4). */
export type Billing = 'no' | 'possible' | 'yes';

/** How far a request came (SPEC R4). */
export type Phase = 'connecting' | 'sent' | 'headers' | 'body' | 'done';

/** Status of a task whose last attempt ended this way. */
type FailedStatus = Extract<EndStatus, 'failed' | 'timed_out' | 'cancelled'>;

export interface FailureRule {
  /** True: Temporal's retry policy sends the request again, within `max_attempts` (SPEC R2). */
  retryable: boolean;
  /** `sent`: `no` while connecting, `possible` once the request was on the wire. */
  billing: Billing | 'sent';
  status: FailedStatus;
  /** For people: what happened and what to do. */
  reason: string;
}

/**
 * The one table of ways an attempt or a task fails: who retries, who pays, which status. Classification
 * (`provider/errors.ts`) names a category; everything else follows from here. SPEC R2, R4; `reference/api.md` 1.5.
 */
export const FAILURES = {
  network: {
    retryable: true,
    billing: 'sent',
    status: 'failed',
    reason: 'the connection to the provider failed',
  },
  connection_cut: {
    retryable: true,
    billing: 'possible',
    status: 'failed',
    reason: 'the connection broke after the request was sent; the provider may have charged it',
  },
  request_timeout: {
    retryable: true,
    billing: 'possible',
    status: 'timed_out',
    reason: 'no complete answer within the request limit; the provider may have finished and charged it',
  },
  task_deadline: {
    retryable: false,
    billing: 'sent',
    status: 'timed_out',
    reason: "the task's own time limit passed; a request that was cut off by it may have been charged",
  },
  worker_died: {
    retryable: true,
    billing: 'sent',
    status: 'failed',
    reason: 'the worker ended with a request in hand; once it was sent the provider may have charged it',
  },
  http_408: {
    retryable: true,
    billing: 'possible',
    status: 'failed',
    reason: 'the provider gave up waiting (408)',
  },
  rate_limited: {
    retryable: true,
    billing: 'no',
    status: 'failed',
    reason: 'the provider asks for fewer requests (429); it is waited for and not counted',
  },
  server_error: {
    retryable: true,
    billing: 'possible',
    status: 'failed',
    reason: 'the provider or its gateway failed (5xx) with the request in hand',
  },
  unavailable: {
    retryable: true,
    billing: 'no',
    status: 'failed',
    reason: 'the provider refused the work for now (503, 521–523, 525–526, 529)',
  },
  disk: {
    retryable: true,
    billing: 'no',
    status: 'failed',
    reason: 'a file could not be read or written; free or unlock the disk',
  },
  auth: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: "the credentials can't be had, or the provider refused them; check the key of this provider",
  },
  quota: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'the balance or a spending limit is used up; top up or raise the limit',
  },
  moderation_blocked: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'the provider refused the content; change the prompt or the references',
  },
  bad_request: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'the provider refused the request as it is; see its message',
  },
  not_found: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'the provider knows no such model or path; check baseUrl and model',
  },
  redirect: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'the provider answered with a redirect, which is never followed; check baseUrl',
  },
  tls: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'the provider could not be trusted (TLS); check baseUrl and its certificate',
  },
  config: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'the provider is not configured usably on the worker',
  },
  environment: {
    retryable: true,
    billing: 'no',
    status: 'failed',
    reason: 'the worker lacks what it needs to judge an image; mend it as its message says',
  },
  bad_response: {
    retryable: false,
    billing: 'yes',
    status: 'failed',
    reason: 'a complete answer without a usable image; it was paid, and is not bought again unasked',
  },
  input_changed: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'a reference image is not the one that was admitted; nothing was sent',
  },
  policy_refused: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'the wording sexualises minors; such a request is never sent, with or without raw',
  },
  needs_review: {
    retryable: false,
    billing: 'possible',
    status: 'failed',
    reason:
      "a request may have been paid and brought no image; it is not sent again unasked: look into the provider's call log, then retry the task",
  },
  cancelled: {
    retryable: false,
    billing: 'sent',
    status: 'cancelled',
    reason: 'cancelled by a person',
  },
  mock_failed: {
    retryable: false,
    billing: 'no',
    status: 'failed',
    reason: 'the mock task ended with the exit code it was given; nothing was sent',
  },
  internal: {
    retryable: false,
    billing: 'sent',
    status: 'failed',
    reason: 'imgproof itself failed; see the worker log',
  },
} as const satisfies Record<string, FailureRule>;

export type FailureCategory = keyof typeof FAILURES;

export function billingOf(category: FailureCategory, phase: Phase): Billing {
  const { billing } = FAILURES[category];
  if (billing !== 'sent') return billing;
  return phase === 'connecting' ? 'no' : 'possible';
}

/** What an activity failure carries in `details[0]`, and what `result.json` says of a failed task. */
export interface FailureReport {
  category: FailureCategory;
  /** One line, redacted. */
  message: string;
  http_status?: number;
  provider_request_id?: string;
}

/** `ApplicationFailure.type` values (temporal CLI and Web UI show them). */
export const FAILURE_TYPES = {
  badInput: 'BadInput',
  environment: 'EnvironmentProblem',
  attempt: 'AttemptFailed',
  attemptsUsedUp: 'AttemptsUsedUp',
  taskFailed: 'TaskFailed',
  taskTimedOut: 'TaskTimedOut',
  orphanLateOutput: 'OrphanLateOutput',
  unknownWorkflowType: 'UnknownWorkflowType',
  /** Of updates that are refused: what was sent is no request, names no task of this batch, or asks for what is over. */
  badMessage: 'BadMessage',
  unknownTask: 'UnknownTask',
  alreadyEnded: 'AlreadyEnded',
  /** Too early: the batch does not know its tasks yet. */
  notAdmitted: 'NotAdmitted',
} as const;
