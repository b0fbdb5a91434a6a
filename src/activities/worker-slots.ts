import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';

/** Who works: part of every record (SPEC F7). */
export interface SlotIdentity {
  worker_id: string;
  pid: number;
  thread_id: number;
}

/** Names the calls in flight of this worker `slot-1` … `slot-n`; a freed name is given again. */
export class WorkerSlots {
  readonly #taken = new Set<number>();

  async hold<T>(work: (identity: SlotIdentity) => Promise<T>): Promise<T> {
    let slot = 1;
    while (this.#taken.has(slot)) slot += 1;
    this.#taken.add(slot);
    try {
      return await work({ worker_id: `${hostname()}/slot-${slot}`, pid: process.pid, thread_id: threadId });
    } finally {
      this.#taken.delete(slot);
    }
  }
}
