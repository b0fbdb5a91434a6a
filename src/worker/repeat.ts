import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

const DAY_MS = 24 * 3_600_000;

/**
 * Work that nobody waits for: now, and again after as many milliseconds as it returns, until the signal fires. What it
 * throws is a warning, and it is tried again the next day.
 */
export async function repeat(
  what: string,
  work: () => Promise<number>,
  { signal, log }: { signal: AbortSignal; log: Logger },
): Promise<void> {
  while (!signal.aborted) {
    const waitMs = await work().catch((error: unknown) => {
      log.warn({ error: (error as Error).message }, `${what} failed; it is tried again in a day`);
      return DAY_MS;
    });
    await sleep(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
