import { describe, expect, test } from 'vitest';
import {
  type Billing,
  billingOf,
  type FailureCategory,
  FAILURES,
  type Phase,
} from '../../src/domain/failure.ts';

const PHASES: Phase[] = ['connecting', 'sent', 'headers', 'body', 'done'];

/** Retry, billing while connecting, billing once sent, status (SPEC R2, R4, S): every category has a row. */
const EXPECTED: Record<
  FailureCategory,
  [retryable: boolean, connecting: Billing, sent: Billing, status: string]
> = {
  network: [true, 'no', 'possible', 'failed'],
  connection_cut: [true, 'possible', 'possible', 'failed'],
  request_timeout: [true, 'possible', 'possible', 'timed_out'],
  task_deadline: [false, 'no', 'possible', 'timed_out'],
  worker_died: [true, 'no', 'possible', 'failed'],
  http_408: [true, 'possible', 'possible', 'failed'],
  rate_limited: [true, 'no', 'no', 'failed'],
  server_error: [true, 'possible', 'possible', 'failed'],
  unavailable: [true, 'no', 'no', 'failed'],
  disk: [true, 'no', 'no', 'failed'],
  auth: [false, 'no', 'no', 'failed'],
  quota: [false, 'no', 'no', 'failed'],
  moderation_blocked: [false, 'no', 'no', 'failed'],
  bad_request: [false, 'no', 'no', 'failed'],
  not_found: [false, 'no', 'no', 'failed'],
  redirect: [false, 'no', 'no', 'failed'],
  tls: [false, 'no', 'no', 'failed'],
  config: [false, 'no', 'no', 'failed'],
  environment: [true, 'no', 'no', 'failed'],
  bad_response: [false, 'yes', 'yes', 'failed'],
  input_changed: [false, 'no', 'no', 'failed'],
  policy_refused: [false, 'no', 'no', 'failed'],
  needs_review: [false, 'possible', 'possible', 'failed'],
  cancelled: [false, 'no', 'possible', 'cancelled'],
  mock_failed: [false, 'no', 'no', 'failed'],
  internal: [false, 'no', 'possible', 'failed'],
};

describe('the failure table (SPEC R2, R4)', () => {
  test('every category has a row here and a reason for people', () => {
    expect(Object.keys(EXPECTED).sort()).toEqual(Object.keys(FAILURES).sort());
    for (const { reason } of Object.values(FAILURES)) expect(reason.length).toBeGreaterThan(10);
  });

  test.each(Object.entries(EXPECTED))('%s', (name, [retryable, connecting, sent, status]) => {
    const category = name as FailureCategory;
    expect(FAILURES[category]).toMatchObject({ retryable, status });
    expect(PHASES.map((phase) => billingOf(category, phase))).toEqual([connecting, sent, sent, sent, sent]);
  });

  test('nothing that was certainly paid is bought again unasked', () => {
    const paid = Object.values(FAILURES).filter(({ billing }) => billing === 'yes');
    expect(paid.length).toBeGreaterThan(0);
    expect(paid.every(({ retryable }) => !retryable)).toBe(true);
  });
});
