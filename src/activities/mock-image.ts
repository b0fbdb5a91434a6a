/** SPEC M: a task that only pretends takes a slot and its time, and leaves files; nothing is sent and there is no image. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AttemptFailed } from '../artifacts/call-failures.ts';
import type { Deadline } from '../artifacts/task-deadline.ts';
import type { FailureReport } from '../domain/failure.ts';
import { type AttemptRecord, SCHEMA_VERSION, type WorkerBinding } from '../domain/records.ts';
import type { AdmittedTask, MockOrder } from '../domain/task.ts';

export interface MockWork {
  task: AdmittedTask;
  mock: MockOrder;
  /** Of the one attempt it is recorded as. */
  attempt: number;
  origin: WorkerBinding & { workflow_id: string; temporal_attempt: number };
  deadline: Deadline;
  /** A person's cancel. */
  signal: AbortSignal;
}

/** Its attempt, never billed; of a mock that failed with the reason. */
export async function pretend(
  work: MockWork,
): Promise<{ record: AttemptRecord; failure: FailureReport | null }> {
  const startedAt = new Date();
  const failure = await endOf(work);
  const endedAt = new Date();
  const record: AttemptRecord = {
    schema_version: SCHEMA_VERSION,
    ...work.origin,
    attempt: work.attempt,
    generation_id: work.task.generation_id,
    ok: failure === null,
    phase: 'done',
    started_at: startedAt.toISOString(),
    ended_at: endedAt.toISOString(),
    elapsed_ms: endedAt.getTime() - startedAt.getTime(),
    http_status: null,
    request_id: null,
    category: failure?.category ?? null,
    error: failure?.message ?? null,
    retryable: false,
    billing: 'no',
    next_attempt_at: null,
  };
  return { record, failure };
}

/** @throws AttemptFailed where mocks are not allowed, whoever admitted this one */
export function refuseMock(allowMock: boolean): void {
  if (allowMock) return;
  const message =
    'this is a mock task, and IMGPROOF_ALLOW_MOCK=1 is not set for this worker; nothing was sent';
  throw new AttemptFailed({ category: 'config', message });
}

/** Null when it ended well. Its limits are those of a request. */
async function endOf({ task, mock, deadline, signal }: MockWork): Promise<FailureReport | null> {
  const limitMs = Math.max(0, Math.min(task.timeout_ms, deadline.leftMs));
  const isCut = mock.sleep_ms > limitMs;
  const isCancelled = await sleep(isCut ? limitMs : mock.sleep_ms, false, { signal }).catch(() => true);
  if (isCancelled) return { category: 'cancelled', message: 'cancelled; it was a mock and nothing was sent' };
  if (isCut) {
    const category = deadline.leftMs <= task.timeout_ms ? 'task_deadline' : 'request_timeout';
    return { category, message: `the mock did not end within the limit of ${limitMs / 1000} s` };
  }
  if (mock.exit_code === 0) return null;
  return { category: 'mock_failed', message: `the mock ended with exit code ${mock.exit_code}` };
}
