import * as fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
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
    [{ 'retry-after': '5, 120' }, '', 120_000],
    [{ 'retry-after': '120, 5' }, '', 120_000],
    [{ 'retry-after': 'x,, 5' }, '', 5_000],
    [{ 'retry-after': `5, ${httpDate(90_000)}, ${httpDate(60_000)}` }, '', 90_000],
    [{ 'retry-after': `${httpDate(90_000)}, 120` }, '', 120_000],
    [{ 'retry-after-ms': '2500, 3500' }, '', 3_500],
    [{ 'retry-after': '9999999999999999' }, '', 15 * MINUTE],
    [{ 'retry-after': '9'.repeat(1_000) }, '', 15 * MINUTE],
    [{ 'retry-after-ms': '9'.repeat(1_000) }, '', 15 * MINUTE],
    [{ 'retry-after': '60s' }, '', MINUTE],
    [{ 'retry-after': '1m30s' }, '', 90_000],
    [{}, 'Please try again in 2 days', 15 * MINUTE],
    [{}, 'Please try again in 1d2h', 15 * MINUTE],
    [{}, 'try again in 3 weeks', 15 * MINUTE],
    [{}, 'try again in a month', 15 * MINUTE],
    [{}, `try again in ${'9'.repeat(400)}s`, 15 * MINUTE],
    [{}, 'Please try again in about 20 seconds', 20_000],
    [{}, 'Try again in approximately 2 min', 2 * MINUTE],
    [{}, 'Try again in 20  seconds', 20_000],
    [{}, 'please try again after 20 seconds', 20_000],
    [{}, 'Please retry in 20.5s', 20_500],
    [{}, 'Retrying in 7 secs', 7_000],
    [{}, 'please wait 45 seconds before your next request', 45_000],
    [{}, 'try again in a minute', MINUTE],
    [{}, 'try again in 20.', 20_000],
    [{}, 'retry after: 20', 20_000],
    [{}, 'try again in 1,200 ms', 1_200],
    [{}, 'try again in 00:01:30', 90_000],
    [{}, 'try again in 0s, or try again in 30s', 30_000],
    [{}, 'try again in 1h3m20.5s', 15 * MINUTE],
    [{}, '请求过于频繁，请在 20 秒后重试', 20_000],
    [{}, '请1分30秒之后再试', 90_000],
    [{}, '图片 20 天后过期', undefined],
    [{}, 'retry 3 times', undefined],
    [{}, 'try again in 2 business days', undefined],
    [{}, 'try again in a moment', undefined],
  ])('of %j and %j is %s ms', (headers, message, expected) => {
    expect(retryAfterMs(headers, message, NOW)).toBe(expected);
  });

  // RFC 9110: IMF-fixdate, RFC 850, asctime; and what servers write instead.
  describe.each(['UTC', 'Asia/Shanghai', 'America/New_York'])('until a date, on a machine in %s', (zone) => {
    beforeEach(() => {
      vi.stubEnv('TZ', zone);
      expect(new Date(NOW).getTimezoneOffset()).toBe({ UTC: 0, 'Asia/Shanghai': -480 }[zone] ?? 300);
      return () => vi.unstubAllEnvs();
    });

    test.each<[string, number | undefined]>([
      ['Tue, 24 Nov 2026 12:05:00 GMT', 5 * MINUTE],
      ['Tue, 24 Nov 2026 12:05:00', 5 * MINUTE],
      ['tue, 24 nov 2026 12:05:00 gmt', 5 * MINUTE],
      ['24 Nov 2026 12:05:00', 5 * MINUTE],
      ['Tuesday, 24-Nov-26 12:05:00 GMT', 5 * MINUTE],
      ['Tuesday, 24-Nov-26 12:05:00', 5 * MINUTE],
      ['Tue Nov 24 12:05:00 2026', 5 * MINUTE],
      ['Tue Nov 24 12:05:00 GMT 2026', 5 * MINUTE],
      ['Tue Dec  1 12:05:00 2026', 15 * MINUTE],
      ['2026-11-24T12:05:00Z', 5 * MINUTE],
      ['2026-11-24T12:05:00.000', 5 * MINUTE],
      ['2026-11-24 12:05:00', 5 * MINUTE],
      ['2026-11-24T20:05:00+08:00', 5 * MINUTE],
      ['Tue, 24 Nov 2026 07:05:00 EST', 5 * MINUTE],
      ['Tue, 24 Nov 2026 20:05:00 +0800', 5 * MINUTE],
      ['Tue, 24 Nov 2026 11:55:00 GMT', 1_000],
      ['Sunday, 06-Nov-94 08:49:37 GMT', 1_000],
      ['Tue, 24 Nov 2026 25:05:00 GMT', undefined],
      ['Tue, 24 Nov 2026', undefined],
      ['foo 1', undefined],
    ])('%s is %s ms', (date, expected) => {
      expect(retryAfterMs({ 'retry-after': date }, '', NOW)).toBe(expected);
    });

    test('counted from the answer’s own Date, in whichever form', () => {
      const headers = { 'retry-after': 'Tue Nov 24 13:05:00 2026', date: 'Tuesday, 24-Nov-26 13:00:00 GMT' };
      expect(retryAfterMs(headers, '', NOW)).toBe(5 * MINUTE);
    });
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
    ['of one endless number', (times) => `try again in ${'1,1.'.repeat(times)}`],
    ['of waits that nobody asks for', (times) => '1 秒'.repeat(times)],
    ['of ends', (times) => '1 秒后重试'.repeat(times)],
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
