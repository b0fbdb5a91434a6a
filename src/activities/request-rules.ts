/** What a task's rules say of one request: its words, its limit, the wait after it. */
import { AttemptFailed, CallFailed, type CallFailure } from '../artifacts/call-failures.ts';
import type { Deadline } from '../artifacts/task-deadline.ts';
import { isRefused, type SafePrompt, safePrompt } from '../domain/prompt-safety.ts';
import type { AdmittedTask } from '../domain/task.ts';
import { backoffMs } from '../provider/retry-after.ts';

/** SPEC G6. Admission refuses too; a task that was admitted before a rule came is not sent either. */
export function promptToSend(task: AdmittedTask): SafePrompt {
  if (!isRefused(task.prompt)) return safePrompt(task);
  throw new AttemptFailed({
    category: 'policy_refused',
    message: `task "${task.task_name}" is refused by policy`,
  });
}

/** SPEC S: the smaller of the request's limit and what is left of the task's. */
export function limitOf({ timeout_ms }: AdmittedTask, { leftMs }: Deadline): number {
  return Math.max(1, Math.min(timeout_ms, leftMs));
}

/** SPEC S: the task's time is what ended this request, an answer or a refusal amid its body. */
export function isCutByDeadline(
  error: unknown,
  task: AdmittedTask,
  { leftMs }: Deadline,
): error is CallFailed {
  if (!(error instanceof CallFailed) || leftMs > task.timeout_ms) return false;
  const { category, atLimit } = error.failure;
  return category === 'request_timeout' || atLimit === true;
}

/** SPEC R3: the server's word, else exponential with jitter. */
export function delayMs(task: AdmittedTask, attempt: number, { retryAfterMs }: CallFailure): number {
  if (retryAfterMs !== undefined) return retryAfterMs;
  const { retry_base_delay_ms: baseMs, retry_max_delay_ms: maxMs, retry_jitter_ms: jitterMs } = task;
  return backoffMs({ attempt, baseMs, maxMs, jitterMs, random: Math.random });
}
