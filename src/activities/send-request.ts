import { CallFailed } from '../artifacts/call-failures.ts';
import type { CompleteAnswer } from '../artifacts/attempt-records.ts';
import { classifyAnswer } from '../provider/errors.ts';
import { callImageApi, type ImageCall, TransportError } from '../provider/image-api.ts';
import type { ActivityDeps } from './deps.ts';

/** Kept of one header of an answer. */
const HEADER_CHARACTERS = 1_000;

/** One request; whatever is no complete answer with an image to look for is a `CallFailed`. Nothing that is kept names a secret. */
export async function sendRequest(
  call: ImageCall,
  { redact, redactBody }: Pick<ActivityDeps, 'redact' | 'redactBody'>,
): Promise<CompleteAnswer> {
  // Cut when it is redacted, so that no half secret stays.
  const shortened = (header: string) => redact(header).slice(0, HEADER_CHARACTERS);
  const answer = await callImageApi(call).catch((error: unknown) => {
    if (!(error instanceof TransportError)) throw error;
    throw new CallFailed({
      category: error.category,
      phase: error.phase,
      message: redact(error.message),
      ...(error.httpStatus === null ? {} : { httpStatus: error.httpStatus }),
      ...(error.requestId === null ? {} : { requestId: shortened(error.requestId) }),
      ...(error.partial.length === 0 ? {} : { partial: redactBody(error.partial) }),
    });
  });
  const verdict = classifyAnswer(answer, redact);
  if (verdict.kind === 'failure') {
    const { category, httpStatus, requestId, retryAfterMs, final, atLimit } = verdict;
    throw new CallFailed({
      category,
      phase: 'done',
      message: verdict.message,
      httpStatus,
      ...(requestId === undefined ? {} : { requestId: shortened(requestId) }),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(final === undefined ? {} : { final }),
      ...(atLimit === undefined ? {} : { atLimit }),
    });
  }
  const { status, timing } = answer;
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [name, shortened(value)]),
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
