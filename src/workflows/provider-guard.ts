/** SPEC R7: when the provider refuses one task for a reason that concerns all of them, the others are not sent. */
import { type FailureCategory, type FailureReport, FAILURES } from '../domain/failure.ts';
import type { OnProviderDown } from '../domain/provider-down.ts';
import type { TaskEnd } from '../domain/records.ts';
import { cutToBytes } from '../domain/ui-text.ts';

/** What the guard may do to its batch. */
export interface GuardedWindow {
  /** Undefined in histories of before this rule: then every task is refused in turn. */
  policy: () => OnProviderDown | undefined;
  pause: (reason: string) => void;
  /** Running tasks let sent requests finish and send nothing further. Returns their indexes. */
  holdRunning: () => number[];
  /** Queues an ended task again, unless a person stopped it. */
  takeBack: (index: number, because: string) => void;
  /** Ends everything that waits. */
  failWaiting: (failure: FailureReport) => void;
  /** Gives one task another end than its own, unless a person stopped it. */
  failInstead: (index: number, failure: FailureReport) => void;
}

/** It is told of every task's end, in the order in which they come. */
export class ProviderGuard {
  readonly #window: GuardedWindow;
  /** The task that the provider refused last, in words that may concern it alone. */
  #doubted: number | null = null;
  /** The refusal that said so; null while the provider is up, as far as anybody knows. */
  #down: TaskEnd | null = null;
  readonly #held = new Set<number>();

  constructor(window: GuardedWindow) {
    this.#window = window;
  }

  /** Somebody says that it is mended. */
  trust(): void {
    this.#down = null;
    this.#doubted = null;
  }

  heed(end: TaskEnd): void {
    const refused = this.#refusedBy(end);
    // One whose request was aborted was stopped by a person: what is held here lets sent requests finish.
    const isHeld = this.#held.delete(end.index) && end.status === 'cancelled' && end.aborted !== true;
    if (refused.length > 0) this.#down = end;
    const affected = isHeld ? [end.index] : refused;
    switch (this.#window.policy()) {
      case 'pause':
        if (refused.length > 0) this.#window.pause(reasonOf(end));
        for (const index of affected) this.#window.takeBack(index, reasonOf(this.#down ?? end));
        break;
      case 'fail':
        if (refused.length > 0) this.#window.failWaiting(unsent(end));
        if (isHeld) this.#window.failInstead(end.index, unsent(this.#down ?? end));
        break;
      case undefined:
        return;
    }
    if (refused.length > 0) for (const index of this.#window.holdRunning()) this.#held.add(index);
  }

  /** Tasks whose refusals together say that the provider is down. */
  #refusedBy({ index, status, provider_down }: TaskEnd): number[] {
    const doubted = this.#doubted;
    switch (provider_down) {
      case undefined:
        // What never got to the provider says nothing of it.
        if (status !== 'cancelled' && status !== 'skipped') this.#doubted = null;
        return [];
      case 'doubtful':
        if (doubted === null && this.#down === null) {
          this.#doubted = index;
          return [];
        }
        break;
      case 'certain':
        break;
    }
    this.#doubted = null;
    return doubted === null ? [index] : [doubted, index];
  }
}

/** Reasons go into the memo, which is small. */
const REASON_BYTES = 400;

/** What to do first, then what the provider said. */
function reasonOf(end: TaskEnd): string {
  return cutToBytes(`${FAILURES[categoryOf(end)].reason}: ${end.error ?? 'no message'}`, REASON_BYTES);
}

function unsent(down: TaskEnd): FailureReport {
  const message = `nothing further was sent: the provider refused task ${down.index}, and would refuse this one too: ${down.error}`;
  return { category: categoryOf(down), message };
}

function categoryOf({ category }: TaskEnd): FailureCategory {
  return category !== null && category in FAILURES ? (category as FailureCategory) : 'auth';
}
