import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, retryAfterMs } from '../../src/provider/retry-after.ts';
import { growth, QUADRATIC } from '../support/growth.ts';

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0);
const MINUTE = 60_000;
/** Repetitions. */
const SIZES = [10_000, 80_000] as const;
const httpDate = (offsetMs: number) => new Date(NOW + offsetMs).toUTCString();

describe('The wait the provider asks for', () => {
  test.each<[Record<string, string>, string, number | undefined]>([
    [{}, '', undefined],
    [{ 'retry-after': '7' }, '', 7_000],
    [{ 'retry-after': '1.5' }, '', 1_500],
    [{ 'retry-after': '0' }, '', 1_000],
    [{ 'retry-after': '86400' }, '', 15 * MINUTE],
    [{ 'retry-after': '1000000000' }, '', 15 * MINUTE],
    [{ 'retry-after': '-5' }, '', undefined],
    [{ 'retry-after': 'NaN' }, '', undefined],
    [{ 'retry-after': '1e9' }, '', undefined],
    [{ 'retry-after': '' }, '', undefined],
    [{ 'retry-after': 'soon' }, '', undefined],
    [{ 'retry-after': '2, 3' }, '', undefined],
    [{ 'retry-after': httpDate(90_000) }, '', 90_000],
    [{ 'retry-after': httpDate(-90_000) }, '', 1_000],
    [{ 'retry-after': httpDate(86_400_000) }, '', 15 * MINUTE],
    [{ 'retry-after': httpDate(3_600_000 + 5_000), date: httpDate(3_600_000) }, '', 5_000],
    [{ 'retry-after': 'Mon, 99 Foo 2026' }, '', undefined],
    [{ 'retry-after-ms': '2500', 'retry-after': '99' }, 'try again in 5s', 2_500],
    [{ 'retry-after-ms': 'x', 'retry-after': '3' }, '', 3_000],
    [{ 'retry-after': 'x' }, 'try again in 5s', 5_000],
    [{}, 'Please try again in 467ms. Visit …', 1_000],
    [{}, 'Please try again in 1467ms', 1_467],
    [{}, 'Limit 5, Used 5 … Please try again in 12s.', 12_000],
    [{}, 'try again in 8.64s', 8_640],
    [{}, 'try again in 1m30s', 90_000],
    [{}, 'try again in 6m0s', 6 * MINUTE],
    [{}, 'Try again in 2 minutes and 5 seconds', 125_000],
    [{}, 'try again in 1h', 15 * MINUTE],
    [{}, 'try again in 1500 milliseconds', 1_500],
    [{}, 'Please retry after 30 seconds.', 30_000],
    [{}, 'try again in a while', undefined],
    [{}, 'try again in 12 sheep', undefined],
    [{}, 'try again later', undefined],
  ])('of %j and %j is %s ms', (headers, message, expected) => {
    expect(retryAfterMs(headers, message, NOW)).toBe(expected);
  });

  test('is undefined or between 1 s and 15 min, whatever was said', () => {
    const header = fc.oneof(
      fc.string(),
      fc.integer().map(String),
      fc.double().map(String),
      fc.date({ noInvalidDate: true }).map((d) => d.toUTCString()),
    );
    fc.assert(
      fc.property(
        header,
        header,
        fc.oneof(
          fc.string(),
          header.map((h) => `try again in ${h}s`),
        ),
        (ms, after, message) => {
          const wait = retryAfterMs({ 'retry-after-ms': ms, 'retry-after': after }, message, NOW);
          expect(wait === undefined || (Number.isInteger(wait) && wait >= 1_000 && wait <= 15 * MINUTE)).toBe(
            true,
          );
        },
      ),
    );
  });

  test.each<[string, (times: number) => string]>([
    ['of beginnings', (times) => 'try again in '.repeat(times)],
    ['of one endless wait', (times) => `try again in ${'1m'.repeat(times)}`],
  ])('is looked for in time that grows as the text does: a megabyte %s', (_, textOf) => {
    const texts = new Map<number, string>(SIZES.map((times) => [times, textOf(times)]));
    expect(growth(SIZES, (times) => void retryAfterMs({}, texts.get(times) ?? '', NOW))).toBeLessThan(
      QUADRATIC,
    );
  });
});

describe('The wait that nobody asked for', () => {
  const SKILL = { baseMs: 8_000, maxMs: 45_000, jitterMs: 5_000 };
  test.each([
    [1, 0, 8_000],
    [2, 0, 16_000],
    [3, 0, 32_000],
    [4, 0, 45_000],
    [1, 0.5, 10_500],
    [3, 0.999, 36_995],
    [4, 0.5, 45_000],
    [5_000, 0, 45_000],
  ])('before attempt %i + 1 with random %d is %i ms', (attempt, random, expected) => {
    expect(backoffMs({ ...SKILL, attempt, random: () => random })).toBe(expected);
  });

  test('never exceeds the max delay, and never falls as attempts grow', () => {
    const ms = fc.integer({ min: 0, max: 3_600_000 });
    fc.assert(
      fc.property(
        ms,
        ms,
        ms,
        fc.integer({ min: 1, max: 100 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (baseMs, maxMs, jitterMs, attempt, random) => {
          const wait = (n: number) =>
            backoffMs({ attempt: n, baseMs, maxMs, jitterMs, random: () => random });
          expect(wait(attempt)).toBeLessThanOrEqual(maxMs);
          expect(wait(attempt + 1)).toBeGreaterThanOrEqual(wait(attempt));
        },
      ),
    );
  });
});
