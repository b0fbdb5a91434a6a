import { describe, expect, test } from 'vitest';
import { FAILURES, type FailureCategory } from '../../src/domain/failure.ts';
import { providerDownBy } from '../../src/domain/provider-down.ts';

const report = (category: FailureCategory, http_status: number | null, message = 'no message') => ({
  category,
  message,
  ...(http_status === null ? {} : { http_status }),
});

describe('a refusal that concerns every task (R7)', () => {
  test.each<[FailureCategory, number | null, string]>([
    ['auth', 401, 'HTTP 401: no message'],
    ['auth', null, 'the variable HAPPY_API_KEY is not set'],
    ['auth', 403, 'HTTP 403 (organization_not_verified): Your organization must be verified.'],
    ['auth', 403, 'HTTP 403: This API key may not do that'],
    ['auth', 403, 'HTTP 403 (1302): 该令牌无权访问'],
    ['not_found', 404, 'HTTP 404 (model_not_found): gone'],
    ['not_found', 404, 'HTTP 404: the model `gpt-image-2` does not exist'],
    ['not_found', 400, 'HTTP 400 (deploymentnotfound): gone'],
    ['quota', 402, 'HTTP 402: Payment required.'],
    ['quota', 429, 'HTTP 429 (insufficient_quota): used up'],
    ['quota', 200, 'HTTP 200 (insufficient_quota): used up'],
    ['auth', 200, 'HTTP 200 (401): No credentials'],
    ['quota', 403, 'HTTP 403 (billing_hard_limit_reached): limit'],
  ])('%s, %s, "%s": certainly', (category, status, message) => {
    expect(providerDownBy(report(category, status, message))).toBe('certain');
  });

  test.each<[FailureCategory, number, string]>([
    ['auth', 403, 'HTTP 403: Forbidden'],
    ['auth', 403, 'HTTP 403 (unsupported_country): monkeys and modelling'],
    ['not_found', 404, 'HTTP 404: HTML page "404 Not Found"'],
  ])('%s, %s, "%s": only when it is the second in a row', (category, status, message) => {
    expect(providerDownBy(report(category, status, message))).toBe('doubtful');
  });

  test('every other category is its task’s own, whatever it names', () => {
    const others = (Object.keys(FAILURES) as FailureCategory[]).filter(
      (category) => !['auth', 'quota', 'not_found'].includes(category),
    );
    for (const category of others)
      expect([category, providerDownBy(report(category, 403, 'key, organization, model'))]).toEqual([
        category,
        null,
      ]);
  });
});
