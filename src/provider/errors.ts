/** What a complete HTTP answer means: an image to read, or a failure with its category (SPEC R2, `reference/api.md` 1.5). */
import type { FailureCategory } from '../domain/failure.ts';
import { categoryOfAnswer, refusalInSuccess } from '../domain/fault-catalogue.ts';
import { holdsImage } from './answer.ts';
import type { BodyEnd, ProviderAnswer } from './image-call.ts';
import { type ProviderError, type Redact, oneLine, providerErrorOf } from './provider-error.ts';
import { retryAfterMs } from './retry-after.ts';

export type AnswerClass =
  | { kind: 'image' }
  | {
      kind: 'failure';
      category: FailureCategory;
      /** `HTTP 429 (rate_limit_exceeded): …`: one redacted line of at most 500 characters. */
      message: string;
      httpStatus: number;
      requestId?: string;
      /** The wait the provider asked for, 1 s to 15 min; absent when it named none. */
      retryAfterMs?: number;
      /** The provider says that repeating is no use (`x-should-retry: false`). */
      final?: true;
      /** The limit of the call ended it while the body still came. */
      atLimit?: true;
    };

/**
 * A 2xx was accepted work, whether or not an image is in it, which is for `readAnswer` to say; unless it says in an error
 * object that the key or the money is refused (SPEC R7). `redact` takes exact secrets out of the provider's words before
 * they are cut to length.
 */
export function classifyAnswer(
  answer: Pick<ProviderAnswer, 'status' | 'headers' | 'body'> & { bodyEnd?: BodyEnd },
  redact: Redact = (text) => text,
  nowMs: number = Date.now(),
): AnswerClass {
  const { status, headers, body, bodyEnd = 'whole' } = answer;
  const isSuccess = status >= 200 && status <= 299;
  if (isSuccess && !mayRefuse(body)) return { kind: 'image' };
  const error = providerErrorOf(body, redact);
  const words = [error.code, error.type];
  const category = isSuccess ? refusalInSuccess(status, words) : categoryOfAnswer(status, words);
  if (category === null) return { kind: 'image' };
  const waitMs = retryAfterMs(headers, error.message ?? '', nowMs);
  return {
    kind: 'failure',
    category,
    message: describe(status, error, BODY_ENDS[bodyEnd]),
    httpStatus: status,
    ...(headers['x-request-id'] === undefined ? {} : { requestId: headers['x-request-id'] }),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(headers['x-should-retry']?.trim().toLowerCase() === 'false' ? { final: true } : {}),
    ...(bodyEnd === 'limit' ? { atLimit: true } : {}),
  };
}

/** A refusal says little, with the blank lines that kept its connection alive; what is larger may be an image, and is spooled unread. */
const REFUSAL_BYTES = 64 * 1024;

/** Gateways that keep a connection alive have sent their 200 when the refusal comes (`reference/api.md` 1.6). */
function mayRefuse(body: Buffer): boolean {
  return body.length <= REFUSAL_BYTES && !holdsImage(body);
}

/** What a message says of a body that is not whole: why the provider's words are missing, or half. */
const BODY_ENDS: Readonly<Record<BodyEnd, string>> = {
  whole: '',
  enough: '',
  cut: ', whose body was cut off',
  longer: ', whose body did not end in time',
  limit: ', whose body did not end within the limit of the request',
};

function describe(status: number, error: ProviderError, bodyEnd: string): string {
  const label = error.code ?? error.type;
  return oneLine(
    `HTTP ${status}${label === null ? '' : ` (${label})`}${bodyEnd}: ${error.message ?? 'no message'}`,
  );
}
