/** What the embedded worker tells its home, and hears from it: the worker's side of `worker-record.ts` and `api-hold.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Settings } from '../config.ts';
import { apiLaneHolders } from './api-hold.ts';
import { type PublishedFacts, publishedFacts, workerFacts } from './worker-facts.ts';
import { writeWorkerRecord, type WorkerNews } from './worker-record.ts';

type Said = Pick<WorkerNews, 'phase' | 'api_lane'>;

const RETRY_MS = 1_000;

export class WorkerVoice {
  readonly #home: string;
  /** Of the start: what this process works with was decided then. */
  readonly #facts: PublishedFacts;
  #latest: Said | null = null;

  constructor(settings: Settings) {
    this.#home = settings.home;
    this.#facts = publishedFacts(workerFacts(settings));
  }

  /** Publish it; a disk that takes no file is tried again until it does, or until something else is said. */
  say(said: Said): void {
    this.#latest = said;
    void this.#publish(said);
  }

  /** True while a command delivers a message that paid calls must wait for. */
  async isHeld(): Promise<boolean> {
    return (await apiLaneHolders(this.#home)).length > 0;
  }

  async #publish(said: Said): Promise<void> {
    while (this.#latest === said) {
      try {
        await writeWorkerRecord(this.#home, { ...this.#facts, ...said });
        return;
      } catch {
        await sleep(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
