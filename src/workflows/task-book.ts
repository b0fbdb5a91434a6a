import type { Admission } from '../domain/batch.ts';
import type { TaskLine } from '../domain/batch-details.ts';
import type { CancelMode, TaskState } from '../domain/messages.ts';
import type { BillingTally, TaskEnd } from '../domain/records.ts';
import { tally, type Tally } from '../domain/status.ts';
import { orderOf, type TaskOrder, type TaskTicket } from '../domain/task.ts';

/** What a batch knows of its tasks: what each is, where it stands, how it ended. */
export class TaskBook {
  #admission: Admission | null = null;
  readonly #tickets = new Map<number, TaskTicket>();
  readonly #states = new Map<number, TaskState>();
  readonly #ends = new Map<number, TaskEnd>();

  get admission(): Admission | null {
    return this.#admission;
  }

  admit(admission: Admission): void {
    this.#admission = admission;
    for (const task of admission.tasks) {
      this.#tickets.set(task.index, task);
      this.#states.set(task.index, queuedState(task));
    }
    for (const end of admission.ended) this.end(end);
    for (const { index, billing } of admission.billed ?? []) this.billed(index, billing);
  }

  /** Those that have not begun, in file order. */
  queued(): number[] {
    return this.states()
      .filter(({ status }) => status === 'queued')
      .map(({ index }) => index);
  }

  order(index: number): TaskOrder {
    return orderOf(this.#ticket(index), this.#admission?.batch_dir ?? '');
  }

  /** Expected for one request of it; 0 where it has no price. */
  priceMicros(index: number): number {
    return this.#ticket(index).price_micros ?? 0;
  }

  start(index: number): void {
    this.#change(index, { status: 'running', started_at: now() });
  }

  state(index: number): TaskState {
    const state = this.#states.get(index);
    if (state === undefined) throw new Error(`there is no task ${index}`);
    return state;
  }

  cancelling(index: number, mode: CancelMode): void {
    this.#change(index, { cancelling: mode });
  }

  end(end: TaskEnd): void {
    const started_at = this.#states.get(end.index)?.started_at ?? null;
    this.#ends.set(end.index, end);
    this.#change(end.index, endOf(end, started_at));
  }

  /** It runs once more, with a call of its own; `because` unless a person ordered it. */
  reopen(index: number, because: string | null = null): void {
    const ticket = this.#ticket(index);
    const again = { ...ticket, retry: (ticket.retry ?? 0) + 1 };
    const { billing } = this.state(index);
    this.#tickets.set(index, again);
    this.#ends.delete(index);
    this.#states.set(index, { ...queuedState(again), billing, error: because });
  }

  /** What its requests may have cost so far stays told while it waits. Undefined in histories of before that was known. */
  billed(index: number, billing: BillingTally | undefined): void {
    if (billing !== undefined) this.#change(index, { billing });
  }

  ends(): TaskEnd[] {
    return [...this.#ends.values()].sort((a, b) => a.index - b.index);
  }

  states(): TaskState[] {
    return [...this.#states.values()].sort((a, b) => a.index - b.index);
  }

  /** For people: with how its prompt begins. */
  lines(): TaskLine[] {
    return this.states().map((state) => ({
      ...state,
      prompt_start: this.#tickets.get(state.index)?.prompt_start ?? '',
    }));
  }

  tally(): Tally {
    return tally(this.states().map(({ status }) => status));
  }

  #ticket(index: number): TaskTicket {
    const ticket = this.#tickets.get(index);
    if (ticket === undefined) throw new Error(`there is no task ${index}`);
    return ticket;
  }

  #change(index: number, change: Partial<TaskState>): void {
    const state = this.#states.get(index);
    if (state !== undefined) this.#states.set(index, { ...state, ...change });
  }
}

function queuedState({ index, task_key, task_name, mode, references }: TaskTicket): TaskState {
  return {
    index,
    task_key,
    task_name,
    mode,
    references,
    status: 'queued',
    adopted: false,
    cancelling: null,
    started_at: null,
    ended_at: null,
    image_path: null,
    bytes: null,
    billing: NOTHING,
    error: null,
  };
}

function endOf(end: TaskEnd, startedAt: string | null): Partial<TaskState> {
  const { status, image_path, bytes, billing, error } = end;
  const adopted = end.adopted_from !== undefined;
  const ended_at = startedAt === null ? null : now();
  return {
    status,
    adopted,
    ended_at,
    image_path,
    bytes,
    billing: adopted ? NOTHING : billing,
    error,
  };
}

const NOTHING: BillingTally = { no: 0, possible: 0, yes: 0 };

/** Temporal's clock: the same in every replay. */
function now(): string {
  return new Date().toISOString();
}
