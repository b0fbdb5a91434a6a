import type { FailureReport } from '../domain/failure.ts';
import type { TaskBook } from './task-book.ts';
import type { TaskWork } from './task-work.ts';

/** Tasks of a batch that wait for their turn; what leaves them without one, and what comes back to them. */
export class WaitingTasks {
  readonly #book: TaskBook;
  readonly #tell: () => void;
  /** By index, in file order. */
  #line: number[] = [];
  /** By index; with a failure unless a person cancelled it. */
  readonly #toDrop = new Map<number, FailureReport | null>();
  /** By index; with why unless a person ordered it anew. */
  readonly #toReopen = new Map<number, string | null>();
  readonly #reopening = new Set<number>();
  /** Cancelled while they were being reopened. */
  readonly #dropNext = new Set<number>();
  readonly #dropping = new Set<number>();
  #isCalledOff = false;

  /** `tell` is called after every change that comes by itself. */
  constructor(book: TaskBook, tell: () => void) {
    this.#book = book;
    this.#tell = tell;
  }

  get length(): number {
    return this.#line.length;
  }

  /** The batch was cancelled: nothing of it waits any more, or ever again. */
  get isCalledOff(): boolean {
    return this.#isCalledOff;
  }

  /** Whether there is something for `act` to do. */
  get hasNews(): boolean {
    return this.#toDrop.size + this.#toReopen.size > 0;
  }

  /** Nothing of it is under way; what waits may wait on. */
  get isIdle(): boolean {
    return this.#dropping.size + this.#reopening.size === 0 && !this.hasNews;
  }

  /** All that have not begun. */
  fill(): void {
    this.#line = this.#book.queued();
  }

  /** Whose turn is next; null when none waits. */
  get first(): number | null {
    return this.#line[0] ?? null;
  }

  /** @throws when none waits */
  next(): number {
    const index = this.#line.shift();
    if (index === undefined) throw new Error('no task waits');
    return index;
  }

  /** By a person. One that is on its way back into the line gets no place there. */
  drop(index: number): void {
    if (this.#leave([index], null)) return;
    if (this.#toReopen.has(index) || this.#reopening.has(index)) this.#dropNext.add(index);
  }

  /** By a person, or with this failure. */
  dropAll(failure: FailureReport | null = null): void {
    this.#leave(this.#line, failure);
  }

  callOff(): void {
    this.#isCalledOff = true;
    this.dropAll();
  }

  /** One that has ended already ends so. */
  failInstead(index: number, failure: FailureReport): void {
    this.#toDrop.set(index, failure);
  }

  /** One that has ended runs once more. `because`: unless a person ordered it anew. */
  reopen(index: number, because: string | null): void {
    this.#book.reopen(index, because);
    this.#toReopen.set(index, because);
  }

  act(work: TaskWork): void {
    for (const [index, because] of taken(this.#toReopen)) void this.#reopen(index, because, work);
    for (const [index, failure] of taken(this.#toDrop)) void this.#drop(index, failure, work);
  }

  #leave(indexes: readonly number[], failure: FailureReport | null): boolean {
    const leaving = this.#line.filter((index) => indexes.includes(index));
    this.#line = this.#line.filter((index) => !leaving.includes(index));
    for (const index of leaving) {
      this.#toDrop.set(index, failure);
      if (failure === null) this.#book.cancelling(index, 'finish');
    }
    return leaving.length > 0;
  }

  async #drop(index: number, failure: FailureReport | null, work: TaskWork): Promise<void> {
    this.#dropping.add(index);
    this.#book.end(await work.drop(this.#book.order(index), failure));
    this.#dropping.delete(index);
    this.#tell();
  }

  async #reopen(index: number, because: string | null, work: TaskWork): Promise<void> {
    this.#reopening.add(index);
    const reopened = await work.reopen(this.#book.order(index), because);
    const isDropped = this.#dropNext.delete(index) || this.#isCalledOff;
    if ('problem' in reopened) this.#book.end(reopened.problem);
    else {
      this.#book.billed(index, reopened.billing);
      if (isDropped) this.#toDrop.set(index, null);
      else this.#line = [...this.#line, index].sort((a, b) => a - b);
    }
    this.#reopening.delete(index);
    this.#tell();
  }
}

/** What was in it; it is empty then. */
function taken<Value>(map: Map<number, Value>): [number, Value][] {
  const entries = [...map];
  map.clear();
  return entries;
}
