/** Messages before money (SPEC C5), for a call that would begin while its worker still starts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { AttemptFailed } from '../artifacts/call-failures.ts';

const HOLD_LOOK_MS = 250;
/** It is part of the time that the activity has beside its request. */
const HOLD_WAIT_MS = 30_000;

/**
 * While a message is delivered nothing is sent, and afterwards the server is asked again: it may have cancelled this very call.
 * @throws AttemptFailed retryable
 */
export async function passHold(isHeld: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  if (!(await isHeld())) return;
  const untilMs = performance.now() + HOLD_WAIT_MS;
  while (!signal.aborted && performance.now() < untilMs && (await isHeld())) await sleep(HOLD_LOOK_MS);
  const message = 'a message is delivered first; nothing was sent';
  throw new AttemptFailed({ category: 'worker_died', message }, { delayMs: 500 });
}
