import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { timeLeft } from '../../src/domain/eta.ts';

const MINUTE = 60_000;

describe('the time left is a range of p50 to p90 × ⌈left / max_workers⌉ (C4)', () => {
  test.each<[string, number[], number, number, [number, number] | null]>([
    ['nothing before 3 are done', [MINUTE, MINUTE], 10, 4, null],
    ['3 are enough', [1 * MINUTE, 2 * MINUTE, 3 * MINUTE], 4, 4, [2 * MINUTE, 3 * MINUTE]],
    ['one task more is one round more', [MINUTE, MINUTE, MINUTE], 5, 4, [2 * MINUTE, 2 * MINUTE]],
    ['fewer workers need more rounds', [MINUTE, MINUTE, MINUTE], 5, 1, [5 * MINUTE, 5 * MINUTE]],
    [
      'the order of ends does not matter',
      [3 * MINUTE, 1 * MINUTE, 2 * MINUTE],
      4,
      4,
      [2 * MINUTE, 3 * MINUTE],
    ],
    [
      'one of ten that takes long is not the rule',
      [...Array.from({ length: 9 }, () => MINUTE), 20 * MINUTE],
      8,
      4,
      [2 * MINUTE, 2 * MINUTE],
    ],
    [
      'two of ten are',
      [...Array.from({ length: 8 }, () => MINUTE), 20 * MINUTE, 20 * MINUTE],
      8,
      4,
      [2 * MINUTE, 40 * MINUTE],
    ],
    ['nothing is left', [MINUTE, MINUTE, MINUTE], 0, 4, null],
    ['before admission no worker is known', [MINUTE, MINUTE, MINUTE], 2, 0, [2 * MINUTE, 2 * MINUTE]],
  ])('%s', (_name, durationsMs, left, maxWorkers, expected) => {
    const range = expected === null ? null : { fromMs: expected[0], toMs: expected[1] };
    expect(timeLeft({ durationsMs, left, maxWorkers })).toEqual(range);
  });

  test('the range never runs backwards and is made of durations that were seen', () => {
    const durations = fc.array(fc.integer({ min: 0, max: 3_600_000 }), { minLength: 3, maxLength: 60 });
    fc.assert(
      fc.property(durations, fc.integer({ min: 1, max: 4 }), (durationsMs, maxWorkers) => {
        const range = timeLeft({ durationsMs, left: 1, maxWorkers });
        expect(range?.fromMs).toBeLessThanOrEqual(range?.toMs ?? -1);
        expect(durationsMs).toEqual(expect.arrayContaining([range?.fromMs, range?.toMs]));
      }),
    );
  });
});
