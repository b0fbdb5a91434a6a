/** What a complete HTTP answer means: an image to read, or a failure with its category (SPEC R2, `reference/api.md` 1.5). */
import type { FailureCategory } from '../domain/failure.ts';
import type { ProviderAnswer } from './image-call.ts';
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
    };

/**
 * Every 2xx was accepted work: whether an image is in it is for `readAnswer` to say. `redact` takes exact secrets out of
 * the provider's words before they are cut to length.
 */
export function classifyAnswer(
  answer: Pick<ProviderAnswer, 'status' | 'headers' | 'body'>,
  redact: Redact = (text) => text,
  nowMs: number = Date.now(),
): AnswerClass {
  const { status, headers, body } = answer;
  if (isBetween(status, 200, 299)) return { kind: 'image' };
  const error = providerErrorOf(body, redact);
  const waitMs = retryAfterMs(headers, error.message ?? '', nowMs);
  return {
    kind: 'failure',
    category: categoryOf(status, error),
    message: describe(status, error),
    httpStatus: status,
    ...(headers['x-request-id'] === undefined ? {} : { requestId: headers['x-request-id'] }),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  };
}

interface Rule {
  category: FailureCategory;
  /** Inclusive ranges of status codes. */
  statuses: readonly (number | readonly [number, number])[];
  /** Tested against `error.code` and `error.type`; absent: the status alone decides. */
  words?: RegExp;
}

const REFUSALS = [[400, 499]] as const;

/** The first rule that fits decides; words stand above statuses because gateways choose statuses freely. */
const RULES: readonly Rule[] = [
  {
    category: 'quota',
    statuses: [[300, 599]],
    words:
      /^(insufficient_(user_)?quota|credit_balance_exhausted|\w{1,40}_(spend|usage)_limit_exceeded|billing_hard_limit_reached)$/u,
  },
  {
    category: 'moderation_blocked',
    statuses: REFUSALS,
    words:
      /^(moderation_blocked|content_policy_violation|content_?filter|responsibleaipolicyviolation|sensitive_words_detected)$/u,
  },
  {
    category: 'auth',
    statuses: [[400, 404]],
    words: /^(invalid_api_key|incorrect_api_key|invalid_authentication|authentication_error)$/u,
  },
  { category: 'not_found', statuses: [[400, 404]], words: /^(model_not_found|deploymentnotfound)$/u },
  { category: 'quota', statuses: [402] },
  { category: 'auth', statuses: [401, 403] },
  { category: 'not_found', statuses: [404] },
  { category: 'http_408', statuses: [408] },
  { category: 'rate_limited', statuses: [429] },
  { category: 'bad_request', statuses: REFUSALS },
  { category: 'redirect', statuses: [[300, 399]] },
  { category: 'unavailable', statuses: [503, [521, 523], [525, 526], 529] },
];

/** What no rule names is a 5xx, or a status that HTTP doesn't know: something broke with the request in hand. */
function categoryOf(status: number, error: ProviderError): FailureCategory {
  const rule = RULES.find(
    ({ statuses, words }) =>
      statuses.some((range) =>
        typeof range === 'number' ? range === status : isBetween(status, ...range),
      ) &&
      (words === undefined || [error.code, error.type].some((word) => word !== null && words.test(word))),
  );
  return rule?.category ?? 'server_error';
}

function describe(status: number, error: ProviderError): string {
  const label = error.code ?? error.type;
  return oneLine(`HTTP ${status}${label === null ? '' : ` (${label})`}: ${error.message ?? 'no message'}`);
}

function isBetween(value: number, low: number, high: number): boolean {
  return value >= low && value <= high;
}
