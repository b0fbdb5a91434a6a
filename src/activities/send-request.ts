import { CallFailed } from '../artifacts/call-failures.ts';
import type { CompleteAnswer } from '../artifacts/attempt-records.ts';
import { classifyAnswer } from '../provider/errors.ts';
import { callImageApi, type ImageCall, TransportError } from '../provider/image-api.ts';
import type { ActivityDeps } from './deps.ts';

/** One request; whatever is no complete answer with an image to look for is a `CallFailed`. Nothing that is kept names a secret. */
export async function sendRequest(
  call: ImageCall,
  { redact, redactBody }: Pick<ActivityDeps, 'redact' | 'redactBody'>,
): Promise<CompleteAnswer> {
  const answer = await callImageApi(call).catch((error: unknown) => {
    if (!(error instanceof TransportError)) throw error;
    throw new CallFailed({
      category: error.category,
      phase: error.phase,
      message: redact(error.message),
      ...(error.httpStatus === null ? {} : { httpStatus: error.httpStatus }),
      ...(error.requestId === null ? {} : { requestId: redact(error.requestId) }),
      ...(error.partial.length === 0 ? {} : { partial: redactBody(error.partial) }),
    });
  });
  const verdict = classifyAnswer(answer, redact);
  if (verdict.kind === 'failure') {
    const { category, httpStatus, requestId, retryAfterMs, final } = verdict;
    throw new CallFailed({
      category,
      phase: 'done',
      message: verdict.message,
      httpStatus,
      ...(requestId === undefined ? {} : { requestId: redact(requestId) }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(final === undefined ? {} : { final }),
    });
  }
  const { status, timing } = answer;
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, redact(value)]),
  );
  const body = redactBody(answer.body);
  return {
    status,
    headers,
    body,
    sentAt: timing.sentAt,
    endedAt: timing.endedAt,
    elapsedMs: timing.elapsedMs,
  };
}
