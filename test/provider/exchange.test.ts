/** What undici could do to us and doesn't on its own: the guard against a late or second sending (SPEC R1). */
import type { Dispatcher } from 'undici';
import { expect, test } from 'vitest';
import type { Phase } from '../../src/domain/failure.ts';
import { Exchange } from '../../src/provider/exchange.ts';
import { imageCall } from './raw-server.ts';

/** A connection that is ready to be written to, and whether it was told not to be. */
function connection() {
  const controller = {
    aborted: false,
    paused: false,
    reason: null,
    rawHeaders: null,
    rawTrailers: null,
    abort: () => {
      controller.aborted = true;
    },
    pause: () => undefined,
    resume: () => undefined,
  };
  return controller satisfies Dispatcher.DispatchController;
}

function exchange() {
  const phases: Phase[] = [];
  const onPhase = (phase: Phase) => void phases.push(phase);
  const subject = new Exchange('POST x', imageCall('http://x', { onPhase }), {
    imageBytes: 1,
    errorBytes: 1,
    errorMs: 1,
  });
  return { subject, phases };
}

test.each(['deadline', 'cancelled'] as const)(
  'a connection that stands only after the %s is not written to',
  async (cause) => {
    const { subject, phases } = exchange();
    subject.end(cause);
    await expect(subject.answer).rejects.toMatchObject({ phase: 'connecting' });
    const late = connection();
    subject.onRequestStart(late);
    expect(late.aborted).toBe(true);
    expect(phases).toEqual(['connecting']);
  },
);

test('a request that was begun once is not begun again on another connection', () => {
  const { subject, phases } = exchange();
  const [first, second] = [connection(), connection()];
  subject.onRequestStart(first);
  subject.onRequestStart(second);
  expect([first.aborted, second.aborted]).toEqual([false, true]);
  expect(phases).toEqual(['connecting', 'sent']);
});
