/**
 * One flight per generation: in this process a map, across processes of this host the spool's lock. A retry after a
 * lost heartbeat, a server outage or a laptop's sleep joins the flight that is still in the air (SPEC R5).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SpoolEntry } from './spool.ts';

export interface Flight<Result, Progress> {
  promise: Promise<Result>;
  /** Changed by the work as it goes; for whoever wants to tell where it stands. */
  progress: Progress;
  /** Only a person's cancel does this; everything else lets a sent request run on. */
  abort: () => void;
}

/** Work under the lock of the entry. The signal fires at `abort`. */
export type FlightWork<Result> = (signal: AbortSignal) => Promise<Result>;

const LOCK_POLL_MS = 250;

export class Flights<Result, Progress> {
  readonly #flying = new Map<string, Flight<Result, Progress>>();

  /** The flight of this entry: the one in the air, else a new one. It belongs to no caller and ends in its own time. */
  join(
    entry: SpoolEntry,
    progress: Progress,
    work: FlightWork<Result>,
  ): Flight<Result, Progress> & { joined: boolean } {
    const flying = this.#flying.get(entry.folder);
    if (flying !== undefined) return { ...flying, joined: true };
    const controller = new AbortController();
    const promise = underLock(entry, work, controller.signal).finally(() =>
      this.#flying.delete(entry.folder),
    );
    // Callers may have gone when it ends; their successor reads the spool.
    promise.catch(() => undefined);
    const flight = { promise, progress, abort: () => controller.abort() };
    this.#flying.set(entry.folder, flight);
    return { ...flight, joined: false };
  }
}

async function underLock<Result>(
  entry: SpoolEntry,
  work: FlightWork<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const release = await lockOf(entry, signal);
  try {
    return await work(signal);
  } finally {
    // What was delivered counts. A lock that a disk did not let go holds nothing in this process, and elsewhere ends with it.
    await release().catch(() => undefined);
  }
}

/** Another process that holds the lock is alive and at work: it is waited for, then its answer is found in the spool. */
async function lockOf(entry: SpoolEntry, signal: AbortSignal): Promise<() => Promise<void>> {
  for (;;) {
    const lock = await entry.lock();
    if (lock.kind === 'acquired') return lock.release;
    await sleep(LOCK_POLL_MS, undefined, { signal });
  }
}
