import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How the supervisor is asked to end: SIGTERM drains; a second one, or the file, ends the worker at once; SIGUSR2 asks it
 * to leave server and worker to the next supervisor.
 */
export interface StopRequest {
  /** Fires with the first request to stop. */
  readonly soft: AbortSignal;
  /** Fires when calls in flight are to be given up. */
  readonly now: AbortSignal;
  /** Fires when another supervisor waits for the home's lock. */
  readonly retire: AbortSignal;
  /** The same as a first SIGTERM. */
  ask(): void;
  /** Sleep; ends early with any request. */
  wait(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** Before it is listened to, it ends the process, which leaves as much behind. */
export const RETIRE_SIGNAL = 'SIGUSR2';

const FILE_POLL_MS = 250;
/** Two people who type `down` in the same moment don't mean "now". */
const SECOND_SIGNAL_AFTER_MS = 2000;

/** Listen for signals and for the file, which counts only when it appears from now on. */
export async function listenForStop(stopNowFile: string): Promise<StopRequest> {
  const soft = new AbortController();
  const retire = new AbortController();
  const { found: now, close } = await watchForFile(stopNowFile);
  now.signal.addEventListener('abort', () => soft.abort());
  let firstAt: number | null = null;
  process.on('SIGTERM', () => {
    firstAt ??= Date.now();
    soft.abort();
    if (Date.now() - firstAt > SECOND_SIGNAL_AFTER_MS) now.abort();
  });
  process.on(RETIRE_SIGNAL, () => retire.abort());
  // A terminal that closes, or Ctrl-C in it, is not meant for a background process.
  for (const ignored of ['SIGINT', 'SIGHUP'] as const) process.on(ignored, () => undefined);
  const any = AbortSignal.any([soft.signal, retire.signal]);
  return {
    soft: soft.signal,
    now: now.signal,
    retire: retire.signal,
    ask: () => soft.abort(),
    wait: async (ms) => sleep(ms, undefined, { signal: any }).catch(() => undefined),
    close,
  };
}

/** `found` fires when the file appears; one that was left there before is removed first. */
export async function watchForFile(
  path: string,
): Promise<{ found: AbortController; close: () => Promise<void> }> {
  await rm(path, { force: true });
  const found = new AbortController();
  const poll = setInterval(() => {
    if (existsSync(path)) found.abort();
  }, FILE_POLL_MS);
  const close = async (): Promise<void> => {
    clearInterval(poll);
    await rm(path, { force: true });
  };
  return { found, close };
}
