/** What a look at the server means for the picture. */
import { describe, expect, test } from 'vitest';
import type { LiveAttempt } from '../../src/client.ts';
import { viewOf } from '../../src/cli/progress-view.ts';
import {
  ARTICLE_COVERS,
  attachedBatch,
  completed,
  failingBatch,
  NOW,
  request,
  running,
  snapshot,
  task,
  view,
} from '../support/progress-story.ts';

const activityOf = (live: LiveAttempt | null, laterMs = 0) =>
  viewOf(ARTICLE_COVERS, snapshot([running(1, 'one', 60)], { one: live }), NOW + laterMs).tasks[0]?.activity;

describe('the time of a request', () => {
  test('goes on between two heartbeats and between two looks', () => {
    const live = { ...request(30, 1), heartbeatAtMs: NOW - 4_000 };
    expect(activityOf(live)).toMatchObject({ kind: 'request', elapsedMs: 34_000, limitMs: 600_000 });
    expect(activityOf(live, 750)).toMatchObject({ elapsedMs: 34_750 });
  });

  test.each([-3_600_000, 3_600_000])(
    'a server whose clock is %i ms off does not move it by more',
    (skewMs) => {
      const live = { ...request(30, 1), heartbeatAtMs: NOW + skewMs };
      expect((activityOf(live) as { elapsedMs: number }).elapsedMs).toBeLessThanOrEqual(45_000);
      expect((activityOf(live) as { elapsedMs: number }).elapsedMs).toBeGreaterThanOrEqual(30_000);
    },
  );
});

test.each<[string, LiveAttempt | null, string]>([
  ['nothing in the lane', null, 'beside'],
  ['no slot', { ...request(0, 1), state: 'queued', heartbeat: null }, 'slot'],
  ['no heartbeat yet', { ...request(0, 1), heartbeat: null }, 'begun'],
  ['nothing sent yet', request(0, 1, { sent: false, waiting_for: 'the spool' }), 'begun'],
  ['a joined call', request(0, 1, { sent: false, waiting_for: 'a call of the same generation' }), 'request'],
])('%s', (_name, live, kind) => {
  expect(activityOf(live)).toMatchObject({ kind });
});

test('a lane that a provider slowed down is a wait, with its end and its reason', () => {
  const now = 'the provider asked this worker to slow down';
  const next_attempt_at = new Date(NOW + 20_000).toISOString();
  const live = request(0, 0, { sent: false, waiting_for: 'the provider', next_attempt_at, now });
  expect(activityOf(live)).toEqual({ kind: 'wait', attempt: 1, leftMs: 20_000, reason: now });
});

describe('counts', () => {
  test('money is what ended tasks cost; an adopted result cost nothing', () => {
    expect(view(failingBatch()).billing).toEqual({ no: 1, possible: 1, yes: 5 });
    expect(view(attachedBatch())).toMatchObject({
      adopted: 2,
      done: 2,
      billing: { no: 0, possible: 0, yes: 0 },
    });
  });

  test('only tasks that ran to an end of their own tell how long the others take', () => {
    const adopted = task(1, 'a', { status: 'completed', adopted: true });
    const cancelled = { ...completed(2, 'b', 1, 1), status: 'cancelled' as const };
    const tasks = [adopted, cancelled, completed(3, 'c', 60, 9), completed(4, 'd', 60, 9)];
    expect(view(snapshot([...tasks, task(9, 'z')])).left).toBeNull();
    expect(view(snapshot([...tasks, completed(5, 'e', 90, 9), task(9, 'z')])).left).toEqual({
      fromMs: 60_000,
      toMs: 90_000,
    });
  });
});

test('control characters of names and errors become visible marks', () => {
  const moment = snapshot([task(1, 'a\u001B[2J', { status: 'failed', error: 'x\ny\u202E' })]);
  expect(view(moment).tasks[0]).toMatchObject({ name: 'a�[2J', error: 'x␤y�' });
});
