import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FAILURES, type FailureCategory } from '../../src/domain/failure.ts';
import { classifyAnswer } from '../../src/provider/errors.ts';
import { createRedactor } from '../../src/provider/redact.ts';

const failureOf = (
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
  redact?: (text: string) => string,
) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const verdict = classifyAnswer(
    { status, headers, body: Buffer.from(text) },
    redact,
    Date.UTC(2026, 10, 24),
  );
  if (verdict.kind !== 'failure') throw new Error('classified as an image');
  return verdict;
};
const openai = (code: string | null, type = 'invalid_request_error') => ({
  error: { message: 'no', type, param: null, code },
});

describe('A status decides where no word does', () => {
  const rows: [number, FailureCategory][] = [
    ...([301, 302, 304, 307, 308] as const).map(
      (status) => [status, 'redirect'] as [number, FailureCategory],
    ),
    [400, 'bad_request'],
    [401, 'auth'],
    [402, 'quota'],
    [403, 'auth'],
    [404, 'not_found'],
    [405, 'bad_request'],
    [408, 'http_408'],
    [409, 'bad_request'],
    [413, 'bad_request'],
    [415, 'bad_request'],
    [418, 'bad_request'],
    [422, 'bad_request'],
    [429, 'rate_limited'],
    [500, 'server_error'],
    [501, 'server_error'],
    [502, 'server_error'],
    [503, 'unavailable'],
    [504, 'server_error'],
    [520, 'server_error'],
    [521, 'unavailable'],
    [522, 'unavailable'],
    [523, 'unavailable'],
    [524, 'server_error'],
    [525, 'unavailable'],
    [526, 'unavailable'],
    [527, 'server_error'],
    [529, 'unavailable'],
    [530, 'server_error'],
    [599, 'server_error'],
    [999, 'server_error'],
  ];
  test.each(rows)('%i is %s', (status, category) => {
    for (const body of ['', '{}', '<html><title>Error</title></html>', '{"error":"no"}', '[]', 'null']) {
      expect(failureOf(status, body).category).toBe(category);
    }
  });

  test.each([200, 201, 202, 203, 299])('%i is an answer that may hold an image', (status) => {
    expect(classifyAnswer({ status, headers: {}, body: Buffer.from('{}') })).toEqual({ kind: 'image' });
  });
});

describe('A refusal of key or money inside a 200 is one (R7)', () => {
  test.each<[string, object, FailureCategory]>([
    ['an error object about money', openai('insufficient_quota'), 'quota'],
    ['a code that says less than its type', openai('1302', 'insufficient_quota'), 'quota'],
    ['a limit of spending', openai('project_spend_limit_exceeded'), 'quota'],
    ['402 for code', { error: { code: 402, message: 'Insufficient credits' } }, 'quota'],
    ['an error object about the key', openai('invalid_api_key'), 'auth'],
    ['401 for code', { error: { code: '401', message: 'No credentials' } }, 'auth'],
    ['code and message without envelope', { code: 'invalid_api_key', message: 'no' }, 'auth'],
    ['with data that is empty', { ...openai('insufficient_quota'), data: [] }, 'quota'],
  ])('%s', (_, body, category) => {
    expect(failureOf(200, body)).toMatchObject({ category, httpStatus: 200 });
  });

  test('after the blank lines that kept the connection alive, in one redacted line', () => {
    const body = `${' \n'.repeat(5_000)}{"error":{"code":"invalid_api_key","message":"abcd-efgh is wrong"}}`;
    const { message } = failureOf(200, body, {}, createRedactor(['abcd-efgh']));
    expect(message).toBe('HTTP 200 (invalid_api_key): [redacted] is wrong');
  });

  test.each<[string, unknown]>([
    ['another error', openai('server_error')],
    ['a limit of requests', openai('rate_limit_exceeded')],
    ['a code for success', { code: 200, message: 'success', data: [] }],
    ['an image beside it', { ...openai('insufficient_quota'), data: [{ b64_json: 'QUJD' }] }],
    ['a link beside it', { ...openai('insufficient_quota'), data: [{ url: '/x.png' }] }],
    ['words in its message alone', { error: { message: 'insufficient_quota' } }],
    ['no JSON', '{"error":{"code":"insufficient_quota"}'],
    ['more than a refusal says', { ...openai('insufficient_quota'), more: 'x'.repeat(70_000) }],
  ])('it was accepted work with %s', (_, body) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = { status: 200, headers: {}, body: Buffer.from(text) };
    expect(classifyAnswer(answer)).toEqual({ kind: 'image' });
  });
});

describe('A word in error.code or error.type wins over the status', () => {
  const BILLING = [
    'insufficient_quota',
    'credit_balance_exhausted',
    'organization_spend_limit_exceeded',
    'project_spend_limit_exceeded',
    'organization_usage_limit_exceeded',
    'billing_hard_limit_reached',
  ];
  test.each(BILLING)('%s is about money, whatever the status, and never retried', (word) => {
    for (const status of [400, 403, 429, 503]) {
      expect(failureOf(status, openai(word)).category).toBe('quota');
      expect(failureOf(status, openai(null, word)).category).toBe('quota');
      expect(failureOf(status, { code: word.toUpperCase(), message: 'no' }).category).toBe('quota');
    }
    expect(FAILURES.quota.retryable).toBe(false);
  });

  test.each<[number, unknown, FailureCategory]>([
    [400, openai('moderation_blocked', 'image_generation_user_error'), 'moderation_blocked'],
    [400, openai('content_policy_violation'), 'moderation_blocked'],
    [400, openai('contentFilter'), 'moderation_blocked'],
    [403, openai('content_filter'), 'moderation_blocked'],
    [400, openai('unknown_parameter'), 'bad_request'],
    [400, openai(null, 'image_generation_user_error'), 'bad_request'],
    [400, openai('invalid_api_key'), 'auth'],
    [401, openai('invalid_api_key'), 'auth'],
    [403, openai('model_not_found'), 'not_found'],
    [400, openai('model_not_found'), 'not_found'],
    [429, openai('rate_limit_exceeded', 'tokens'), 'rate_limited'],
    [429, openai('slow_down', 'requests'), 'rate_limited'],
    [503, openai('server_is_overloaded', 'service_unavailable_error'), 'unavailable'],
    [500, openai('moderation_blocked'), 'server_error'],
    [429, openai('insufficient_quota_of_images'), 'rate_limited'],
  ])('%i %j is %s', (status, body, category) => {
    expect(failureOf(status, body).category).toBe(category);
  });
});

describe('The message', () => {
  test.each<[string, unknown, string]>([
    [
      'OpenAI',
      { error: { message: 'Invalid size', type: 't', code: 'invalid_value' } },
      'HTTP 400 (invalid_value): Invalid size',
    ],
    [
      'a type without code',
      { error: { message: 'Invalid', type: 'user_error', code: null } },
      'HTTP 400 (user_error): Invalid',
    ],
    ['a vendor without envelope', { code: '1302', message: '并发数过高' }, 'HTTP 400 (1302): 并发数过高'],
    ['a numeric code', { error: { code: 1302, message: 'busy' } }, 'HTTP 400 (1302): busy'],
    ['error as a string', { error: 'model offline' }, 'HTTP 400: model offline'],
    ['error and message', { error: 'Bad Request', message: 'detail' }, 'HTTP 400: Bad Request'],
    [
      'Cloudflare JSON',
      { type: 'https://x/524', title: 'Error 524: A timeout occurred', status: 524 },
      'Error 524: A timeout occurred',
    ],
    ['FastAPI', { detail: [{ loc: ['body'], msg: 'field required' }] }, 'HTTP 400: field required'],
    ['FastAPI text', { detail: 'Not authenticated' }, 'HTTP 400: Not authenticated'],
    ['a list of errors', { errors: [{ message: 'first' }, { message: 'second' }] }, 'HTTP 400: first'],
    ['a list', [{ error: { message: 'inner' } }], 'HTTP 400: inner'],
    [
      'HTML',
      '<!DOCTYPE html><html><head><title>502 Bad\n Gateway</title>',
      'HTTP 400: HTML page "502 Bad Gateway"',
    ],
    ['HTML without title', '<html><body>x</body>', 'HTTP 400: HTML page'],
    ['text', 'upstream connect error\r\n', 'HTTP 400: upstream connect error'],
    ['a BOM', '\uFEFF{"error":{"message":"hi"}}', 'HTTP 400: hi'],
    ['nothing', '', 'HTTP 400: no message'],
    ['an object without words', { error: { message: 5 } }, 'HTTP 400: no message'],
  ])('comes from %s', (_, body, message) => {
    expect(failureOf(400, body).message).toContain(message);
  });

  test('is one line without control or direction characters', () => {
    const { message } = failureOf(400, { error: { message: 'a\n\tb\u001b[31mc\u202Ed' } });
    expect(message).toBe('HTTP 400: a b [31mc d');
  });

  test('loses its secrets before it is cut to 500 characters', () => {
    const secret = 'abcdefghijklmnop';
    const body = { error: { message: `${'x'.repeat(480)} ${secret} and sk-proj-1234567890` } };
    const { message } = failureOf(401, body, {}, createRedactor([secret]));
    expect(message).toHaveLength(500);
    expect(message).not.toContain('abc');
    expect(failureOf(401, { error: { message: 'Incorrect API key provided: sk-ab****wxyz.' } }).message).toBe(
      'HTTP 401: Incorrect API key provided: [redacted].',
    );
  });

  test('is never long, broken or a crash, whatever the body', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string({ unit: 'binary' }),
          fc.string().map((s) => `<html><title>${s}`),
        ),
        (body) => {
          const { message } = failureOf(500, body);
          expect(message.length).toBeLessThanOrEqual(500);
          expect(message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        },
      ),
    );
    const deep = '['.repeat(500_000);
    expect(failureOf(500, deep + ']'.repeat(500_000)).category).toBe('server_error');
    expect(failureOf(500, '{"__proto__":{"error":{"code":"insufficient_quota"}}}').category).toBe(
      'server_error',
    );
  });
});

test('Request id and wait come along', () => {
  const verdict = failureOf(429, openai('rate_limit_exceeded'), {
    'x-request-id': 'req_1',
    'retry-after': '7',
  });
  expect(verdict).toMatchObject({ httpStatus: 429, requestId: 'req_1', retryAfterMs: 7000 });
  expect(failureOf(429, { error: { message: 'Please try again in 12s. Visit x' } })).toMatchObject({
    retryAfterMs: 12_000,
  });
  expect(failureOf(500, '')).not.toHaveProperty('retryAfterMs');
  expect(failureOf(500, '')).not.toHaveProperty('requestId');
});
