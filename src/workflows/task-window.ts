import { CancellationScope, condition } from '@temporalio/workflow';
import { type Admission, clampWorkers } from '../domain/batch.ts';
import type {
  BatchProgress,
  CancelAnswer,
  CancelMode,
  MaxWorkersAnswer,
  PauseAnswer,
  PausedState,
  TaskState,
} from '../domain/messages.ts';
import { hasEnded } from '../domain/status.ts';
import type { TaskOrder } from '../domain/task.ts';
import { CostGuard } from './cost-guard.ts';
import { ProviderGuard } from './provider-guard.ts';
import { TaskBook } from './task-book.ts';
import { StopWish, type TaskWork, type WindowListener } from './task-work.ts';
import { WaitingTasks } from './waiting-tasks.ts';

/**
 * Which tasks run: exactly `max_workers` at a time in file order, no look-ahead, so that the promise of SPEC B1 holds for
 * fewer workers and several hosts too; none while paused; none that was cancelled. People change all of it while it runs.
 */
export class TaskWindow {
  readonly book = new TaskBook();
  #phase: BatchProgress['phase'] = 'admitting';
  /** Somebody cancelled everything before the tasks were known. */
  #dropsAll = false;
  readonly #startedAt = new Date().toISOString();
  #maxWorkers = 0;
  #paused: PausedState | null = null;
  readonly #waiting = new WaitingTasks(this.book, () => this.#tell());
  readonly #running = new Map<number, StopWish>();
  readonly #listener: WindowListener;
  readonly #cost = new CostGuard(this.book);
  readonly #guard = new ProviderGuard({
    policy: () => this.book.admission?.on_provider_down,
    pause: (reason) => this.#pauseForProvider(reason),
    holdRunning: () => this.#holdRunning(),
    takeBack: (index, because) => {
      if (this.#isOpenTo(index)) this.#waiting.reopen(index, because);
    },
    failWaiting: (failure) => this.#waiting.dropAll(failure),
    failInstead: (index, failure) => {
      if (this.#isOpenTo(index)) this.#waiting.failInstead(index, failure);
    },
  });

  constructor(listenerOf: (window: TaskWindow) => WindowListener) {
    this.#listener = listenerOf(this);
    this.#tell();
  }

  admit(admission: Admission): void {
    this.book.admit(admission);
    this.#maxWorkers = admission.max_workers;
    this.#waiting.fill();
    if (this.#dropsAll) this.#waiting.dropAll();
    this.#tell();
  }

  /** Until nothing is left to do. A cancel of the batch drops what is queued; its scope tells the tasks that run. */
  async run(work: TaskWork): Promise<void> {
    const scope = CancellationScope.current();
    void scope.cancelRequested.catch(() => this.#waiting.callOff());
    this.#phase = 'running';
    this.#tell();
    await CancellationScope.nonCancellable(async () => {
      while (!this.#isOver()) {
        this.#act(work, scope);
        await condition(() => this.#isOver() || this.#canAct());
      }
    });
    this.#phase = 'recording';
    this.#tell();
  }

  /** True when a message brought work while the batch was recorded (DESIGN 2.7). */
  hasWork(): boolean {
    return this.#waiting.length > 0 || this.#waiting.hasNews;
  }

  done(): void {
    this.#phase = 'done';
    this.#tell();
  }

  // --- what people ask for ---------------------------------------------------------------------------------------

  pause(reason: string | null): PauseAnswer {
    const changed = this.#paused === null;
    if (changed) this.#setPaused({ by: 'person', since: new Date().toISOString(), reason });
    return this.#pauseAnswer(changed);
  }

  /** Why it would pause again at once; null: it would not. `maxCostMicros` null: the cap stays what it is. */
  resumeProblem(maxCostMicros: number | null): string | null {
    const { first } = this.#waiting;
    if (maxCostMicros !== null && this.#cost.currency === null) return NO_PRICES;
    if (this.#paused === null || first === null) return null;
    const refusal = this.#cost.refusal(first, maxCostMicros ?? this.#cost.maxCostMicros);
    return refusal === null ? null : `${refusal}. Give a higher max_cost`;
  }

  resume(maxCostMicros: number | null): PauseAnswer {
    if (maxCostMicros !== null) this.#cost.setCap(maxCostMicros);
    const changed = this.#paused !== null;
    if (changed) this.#setPaused(null);
    this.#guard.trust();
    return this.#pauseAnswer(changed);
  }

  setMaxWorkers(wanted: number): MaxWorkersAnswer {
    const before = this.#maxWorkers;
    const max_workers = clampWorkers(wanted);
    this.#maxWorkers = max_workers;
    if (max_workers !== before) this.#listener.workers(max_workers);
    this.#tell();
    const warning = max_workers === wanted ? null : `${wanted} is not from 1 to 4; it is ${max_workers} now`;
    return { max_workers, before, warning };
  }

  cancel(states: readonly TaskState[], mode: CancelMode): CancelAnswer {
    const answer: CancelAnswer = { cancelled: [], finishing: [], aborting: [] };
    for (const { index, task_key, status, cancelling } of states) {
      const wish = this.#running.get(index);
      if (wish !== undefined) {
        wish.ask(mode);
        this.book.cancelling(index, mode);
        answer[mode === 'now' ? 'aborting' : 'finishing'].push(task_key);
      } else if (status === 'queued') {
        // Its last words may be under way since an earlier cancel.
        if (cancelling === null) this.#waiting.drop(index);
        this.book.cancelling(index, 'finish');
        answer.cancelled.push(task_key);
      }
    }
    this.#tell();
    return answer;
  }

  /** Everything, also before admission: then nothing is started after it. */
  cancelAll(mode: CancelMode): CancelAnswer {
    if (this.book.admission !== null) return this.cancel(this.book.states(), mode);
    this.#dropsAll = true;
    return { cancelled: [], finishing: [], aborting: [], before_admission: true };
  }

  cancelQueued(): CancelAnswer {
    if (this.book.admission === null) return this.cancelAll('finish');
    const queued = this.book.states().filter(({ status }) => status === 'queued');
    return this.cancel(queued, 'finish');
  }

  /** These run once more; they are queued from now on. */
  retry(states: readonly TaskState[]): void {
    for (const { index } of states) this.#waiting.reopen(index, null);
    this.#tell();
  }

  progress(): BatchProgress {
    const { admission } = this.book;
    const tasks = this.book.states();
    return {
      phase: this.#phase,
      started_at: this.#startedAt,
      batch_dir: admission?.batch_dir ?? null,
      total: admission?.total ?? 0,
      max_workers: this.#maxWorkers,
      paused: this.#paused,
      ...this.#cap(),
      idle: this.#running.size === 0 && this.#waiting.isIdle,
      counters: this.book.tally(),
      adopted: tasks.filter(({ adopted }) => adopted).length,
      warnings: admission?.warnings ?? [],
      running: tasks
        .filter(({ status }) => status === 'running')
        .map(({ index, task_key, task_name }) => ({ index, task_key, task_name })),
    };
  }

  // --- what happens next -----------------------------------------------------------------------------------------

  #isOver(): boolean {
    return this.#running.size === 0 && this.#waiting.isIdle && this.#waiting.length === 0;
  }

  #canAct(): boolean {
    return this.#waiting.hasNews || this.#mayStart();
  }

  #mayStart(): boolean {
    return this.#paused === null && this.#waiting.length > 0 && this.#running.size < this.#maxWorkers;
  }

  #act(work: TaskWork, scope: CancellationScope): void {
    this.#waiting.act(work);
    while (this.#mayStart() && this.#isAffordable())
      void this.#start(this.book.order(this.#waiting.next()), work, scope);
  }

  async #start(order: TaskOrder, work: TaskWork, scope: CancellationScope): Promise<void> {
    const wish = new StopWish();
    this.#running.set(order.index, wish);
    this.book.start(order.index);
    this.#tell();
    const end = await scope.run(() => work.run(order, wish));
    this.#running.delete(order.index);
    this.book.end(end);
    this.#guard.heed(end);
    this.#tell();
  }

  /** Else the batch pauses; what runs goes on (SPEC R8). */
  #isAffordable(): boolean {
    const { first } = this.#waiting;
    const reason = first === null ? null : this.#cost.refusal(first);
    if (reason !== null) this.#setPaused({ by: 'cost_cap', since: new Date().toISOString(), reason });
    return reason === null;
  }

  // --- when the provider is down (SPEC R7) -----------------------------------------------------------------------

  #pauseForProvider(reason: string): void {
    if (this.#paused?.by === 'provider_down') return;
    this.#setPaused({ by: 'provider_down', since: new Date().toISOString(), reason });
  }

  #holdRunning(): number[] {
    for (const wish of this.#running.values()) wish.ask('finish');
    return [...this.#running.keys()];
  }

  /** It has ended, and nobody wanted it stopped or has ordered it anew since. */
  #isOpenTo(index: number): boolean {
    const { status, cancelling } = this.book.state(index);
    return hasEnded(status) && cancelling === null && !this.#waiting.isCalledOff;
  }

  // --- telling ---------------------------------------------------------------------------------------------------

  #tell(): void {
    this.#listener.changed();
  }

  #setPaused(paused: PausedState | null): void {
    this.#paused = paused;
    this.#listener.paused(paused);
    this.#tell();
  }

  #cap(): Pick<BatchProgress, 'max_cost'> {
    const { currency, maxCostMicros: micros } = this.#cost;
    return currency === null || micros === null ? {} : { max_cost: { currency, micros } };
  }

  #pauseAnswer(changed: boolean): PauseAnswer {
    return {
      paused: this.#paused !== null,
      changed,
      running: this.#running.size,
      queued: this.#waiting.length,
    };
  }
}

const NO_PRICES = 'not every task of this batch was admitted with a price, so that no max_cost can hold';
