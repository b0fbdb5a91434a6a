import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** How the supervisor is asked to end: SIGTERM drains; a second one, or the file, ends the worker at once. */
export interface StopRequest {
  /** Fires with the first request. */
  readonly soft: AbortSignal;
  /** Fires when calls in flight are to be given up. */
  readonly now: AbortSignal;
  /** Sleep; ends early with the first request. */
  wait(ms: number): Promise<void>;
  close(): Promise<void>;
}

const FILE_POLL_MS = 250;

/** Listen for signals and for the file, which counts only when it appears from now on. */
export async function listenForStop(stopNowFile: string): Promise<StopRequest> {
  await rm(stopNowFile, { force: true });
  const soft = new AbortController();
  const now = new AbortController();
  const onSigterm = (): void => (soft.signal.aborted ? now : soft).abort();
  const poll = setInterval(() => {
    if (!existsSync(stopNowFile)) return;
    soft.abort();
    now.abort();
  }, FILE_POLL_MS);
  process.on('SIGTERM', onSigterm);
  // A terminal that closes, or Ctrl-C in it, is not meant for a background process.
  for (const ignored of ['SIGINT', 'SIGHUP'] as const) process.on(ignored, () => undefined);
  return {
    soft: soft.signal,
    now: now.signal,
    wait: async (ms) => sleep(ms, undefined, { signal: soft.signal }).catch(() => undefined),
    close: async () => {
      clearInterval(poll);
      await rm(stopNowFile, { force: true });
    },
  };
}
