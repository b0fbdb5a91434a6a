import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { endRecord } from '../../src/artifacts/attempt-records.ts';
import type { AttemptFailed, CallFailure } from '../../src/artifacts/call-failures.ts';
import { type PaidCall, payOnce } from '../../src/artifacts/paid-call.ts';
import type { AttemptRecord } from '../../src/domain/records.ts';
import { callOf, entryOf, failureOf, intent, provider } from '../support/paid-calls.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('what follows a request whose outcome is unknown (R4)', () => {
  const cut: CallFailure = { category: 'connection_cut', phase: 'headers', message: 'cut' };
  const refused: CallFailure = { category: 'network', phase: 'connecting', message: 'refused' };
  const busy: CallFailure = { category: 'rate_limited', phase: 'done', message: '429', httpStatus: 429 };

  /** So many calls as this fails with in turn, each as soon as it may be; how the last of them ended, and what was sent. */
  async function played(onUnknown: PaidCall['onUnknown'], failures: readonly CallFailure[]) {
    const entry = await entryOf(tempFolder());
    const ended: AttemptRecord[] = [];
    let last: AttemptFailed | undefined;
    for (const fail of failures) {
      last = await failureOf(payOnce(callOf(entry, { fail, ended, onUnknown, maxAttempts: 5 })));
      await sleep(3);
    }
    return { sent: ended.length, usedUp: last?.usedUp, category: last?.report.category };
  }

  test('hold: nothing is sent again; the task is for a person to review', async () => {
    expect(await played('hold', [cut, cut, cut])).toEqual({
      sent: 1,
      usedUp: false,
      category: 'needs_review',
    });
  });

  test('hold: what can’t have been paid is sent again', async () => {
    expect(await played('hold', [refused, busy, refused])).toMatchObject({ sent: 3, category: 'network' });
  });

  test('once: one further request, however that one ends', async () => {
    expect(await played('once', [refused, cut, cut, cut])).toEqual({
      sent: 3,
      usedUp: true,
      category: 'connection_cut',
    });
    expect(await played('once', [cut, refused, cut])).toMatchObject({ sent: 2, usedUp: true });
  });

  test('once: a 429 is no further request', async () => {
    expect(await played('once', [cut, busy, busy, cut, cut])).toMatchObject({ sent: 4, usedUp: true });
  });

  test.each([
    ['hold', 0, 'needs_review'],
    ['once', 1, null],
    ['retry', 1, null],
  ] as const)(
    '%s: after a worker that died with a request sent, %i are sent',
    async (onUnknown, sent, why) => {
      const { url, calls } = await provider();
      const entry = await entryOf(tempFolder());
      await entry.markBegan('run-1', 1);
      await entry.writeIntent(intent(1));
      entry.markSent(1);
      const next = payOnce(callOf(entry, { url, onUnknown, temporalAttempt: 2 }));
      if (why === null) await next;
      else expect((await failureOf(next)).report).toMatchObject({ category: why });
      expect(calls()).toBe(sent);
    },
  );

  test('hold: a Temporal attempt that left no trace on this host may have sent something', async () => {
    const { url, calls } = await provider();
    const failure = await failureOf(
      payOnce(callOf(await entryOf(tempFolder()), { url, onUnknown: 'hold', temporalAttempt: 2 })),
    );
    expect([failure.report.category, calls()]).toEqual(['needs_review', 0]);
  });

  test('hold: an answer in the spool is adopted, whatever happened before it', async () => {
    const { url, calls } = await provider();
    const entry = await entryOf(tempFolder());
    await payOnce(callOf(entry, { url, onUnknown: 'hold' }));
    const again = await payOnce(callOf(entry, { url, onUnknown: 'hold', temporalAttempt: 3 }));
    expect([again.adopted, calls()]).toEqual([true, 1]);
  });

  test('requests of a generation that it goes on for count (R7)', async () => {
    const { url, calls } = await provider();
    const entry = await entryOf(tempFolder());
    const end = endRecord(intent(1), cut, { nextAttemptAtMs: null, elapsedMs: 5 });
    const call = { url, earlier: [{ end }] };
    await payOnce(callOf(await entryOf(tempFolder()), { ...call, maxAttempts: 2 }));
    expect(calls()).toBe(1);
    const spent = await failureOf(payOnce(callOf(entry, { ...call, maxAttempts: 1 })));
    expect([spent.usedUp, spent.report.category, calls()]).toEqual([true, 'connection_cut', 1]);
  });
});
