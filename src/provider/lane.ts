/**
 * When a provider asks a worker to slow down, all of its tasks do: one refusal is enough to know it (SPEC R1, R3).
 * Pure bookkeeping; whoever calls brings the time, and does the waiting.
 */

/** The lanes of one worker, by provider name. */
export class ProviderLanes {
  readonly #lanes = new Map<string, ProviderLane>();

  of(provider: string): ProviderLane {
    const lane = this.#lanes.get(provider) ?? new ProviderLane();
    this.#lanes.set(provider, lane);
    return lane;
  }
}

/** A call that began, by the slow-downs there were before it. */
export type LanePass = number;

export interface SlowDown {
  /** Milliseconds from now that the refused task waits: announced by the provider, or its own backoff. */
  waitMs: number;
  /** Cap of what is waited longer than that. */
  maxMs: number;
  /** For people, redacted: the refusal. */
  reason: string;
}

/** After a slow-down calls begin one after another at this distance, until one is answered well. */
const PACE_MS = 1_000;
/** From the second slow-down in a row on the lane waits at least this long, doubled each time. */
const IN_A_ROW_MS = 1_000;

/** Tasks take the server's time each for itself, and not to the second. */
const CLOCKS_DIFFER_MS = 60_000;

/** Times are milliseconds since 1970 by the clock that announced waits are kept in. */
export class ProviderLane {
  #opensAtMs = 0;
  /** Of the last slow-down. */
  #slowedAtMs = 0;
  #slowDowns = 0;
  #inARow = 0;
  #reason = '';

  /** Why it is slow; empty when it never was. */
  get reason(): string {
    return this.#reason;
  }

  /** Milliseconds until a call may begin; 0: now. A clock that was set back says nothing of the wait. */
  waitMs(nowMs: number): number {
    if (nowMs < this.#slowedAtMs - CLOCKS_DIFFER_MS) return 0;
    return Math.max(0, this.#opensAtMs - nowMs);
  }

  /** A call begins now. */
  begin(nowMs: number): LanePass {
    if (this.#inARow > 0) this.#opensAtMs = Math.max(this.#opensAtMs, nowMs + PACE_MS);
    return this.#slowDowns;
  }

  /**
   * A call was refused. Calls that were under way together are refused together: that is one slow-down. The lane never
   * opens before the latest time that was announced.
   */
  slowDown(pass: LanePass, { waitMs, maxMs, reason }: SlowDown, nowMs: number): void {
    if (pass === this.#slowDowns) {
      this.#slowDowns += 1;
      this.#inARow += 1;
    }
    const longer = this.#inARow < 2 ? 0 : Math.min(maxMs, IN_A_ROW_MS * 2 ** Math.min(30, this.#inARow - 1));
    this.#opensAtMs = Math.max(this.#opensAtMs, nowMs + Math.max(waitMs, longer));
    this.#slowedAtMs = nowMs;
    this.#reason = reason;
  }

  /** A call was answered well. One that began before the last slow-down says nothing of it. */
  accepted(pass: LanePass): void {
    if (pass !== this.#slowDowns) return;
    this.#inARow = 0;
    this.#opensAtMs = 0;
  }
}
