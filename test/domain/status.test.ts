import { describe, expect, test } from 'vitest';
import { allCompleted, hasEnded, tally, TASK_STATUSES } from '../../src/domain/status.ts';

describe('statuses (SPEC S)', () => {
  test('only queued and running tasks go on', () => {
    expect(TASK_STATUSES.filter((status) => !hasEnded(status))).toEqual(['queued', 'running']);
  });

  test('the tally names every status, also those with no task', () => {
    const counts = tally(['completed', 'failed', 'completed']);
    expect(Object.keys(counts)).toEqual([...TASK_STATUSES]);
    expect(counts).toMatchObject({ completed: 2, failed: 1, queued: 0, orphan_late_output: 0 });
  });

  test.each(TASK_STATUSES.filter((status) => status !== 'completed'))(
    'a %s task makes ok false',
    (status) => {
      expect(allCompleted(['completed', status])).toBe(false);
    },
  );

  test('ok is true when every task is completed, and not for no task at all', () => {
    expect(allCompleted(['completed', 'completed'])).toBe(true);
    expect(allCompleted([])).toBe(false);
  });
});
