/** SPEC R8: no task is started whose expected price would break the cap; the batch pauses then. */
import { moneyText } from '../domain/cost.ts';
import type { TaskBook } from './task-book.ts';

/**
 * Counted against the cap: what was spent, what may have been spent, and for each task that runs the expected price of one
 * request. A task that runs is not stopped: requests that it repeats after a possible charge may go beyond the cap.
 */
export class CostGuard {
  readonly #book: TaskBook;
  /** Another cap than the order's, set since. */
  #raised: number | null = null;

  constructor(book: TaskBook) {
    this.#book = book;
  }

  /** In micros; null: there is none. */
  get maxCostMicros(): number | null {
    return this.#raised ?? this.#book.admission?.max_cost_micros ?? null;
  }

  /** Null when not every task has a price: then no cap can hold. */
  get currency(): string | null {
    return this.#book.admission?.currency ?? null;
  }

  setCap(micros: number): void {
    this.#raised = micros;
  }

  /** Why this task can't be started under the cap; null when it can. */
  refusal(index: number, maxCostMicros = this.maxCostMicros): string | null {
    if (maxCostMicros === null || this.currency === null) return null;
    const { spent, possibly, inFlight } = this.#committed();
    const next = this.#book.priceMicros(index);
    if (spent + possibly + inFlight + next <= maxCostMicros) return null;
    const money = (micros: number) => moneyText(micros, this.currency ?? '');
    const facts = [
      `${money(spent)} spent`,
      ...(possibly === 0 ? [] : [`${money(possibly)} possibly`]),
      ...(inFlight === 0 ? [] : [`${money(inFlight)} in flight`]),
    ];
    return `max_cost ${money(maxCostMicros)}: ${facts.join(', ')}; the next task is expected to cost ${money(next)}`;
  }

  #committed(): { spent: number; possibly: number; inFlight: number } {
    const sums = { spent: 0, possibly: 0, inFlight: 0 };
    for (const { index, status, billing } of this.#book.states()) {
      sums.spent += billing.spent_micros ?? 0;
      sums.possibly += billing.possibly_spent_micros ?? 0;
      if (status === 'running') sums.inFlight += this.#book.priceMicros(index);
    }
    return sums;
  }
}
