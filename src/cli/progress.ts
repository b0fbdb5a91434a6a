/** Plain progress lines on standard error: what changed, what runs, what is waited for and why (SPEC C2). */
import type { LiveAttempt } from '../client.ts';
import type { BatchProgress, TaskState } from '../domain/messages.ts';
import { hasEnded, type TaskStatus } from '../domain/status.ts';
import { safe, say, warn } from './output.ts';

export interface Snapshot {
  progress: BatchProgress;
  tasks: TaskState[];
  live: Map<string, LiveAttempt | null>;
}

const MARKS: Record<TaskStatus, string> = {
  queued: '•',
  running: '▷',
  completed: '✓',
  failed: '✗',
  timed_out: '✗',
  rejected: '✗',
  discarded: '✗',
  skipped: '✗',
  orphan_late_output: '✗',
  cancelled: '✗',
};

/** How often what runs is told again, in milliseconds. */
const REPEAT_MS = 15_000;

export class PlainProgress {
  readonly #statuses = new Map<number, TaskStatus>();
  readonly #waits = new Map<string, string>();
  #warned = false;
  #toldAtMs = Date.now();

  show(snapshot: Snapshot): void {
    this.#warn(snapshot.progress.warnings);
    for (const task of snapshot.tasks) this.#change(task, snapshot);
    for (const { task_key, task_name } of snapshot.progress.running)
      this.#wait(task_name, snapshot.live.get(task_key) ?? null);
    if (Date.now() - this.#toldAtMs < REPEAT_MS) return;
    this.#toldAtMs = Date.now();
    for (const line of runningLines(snapshot)) tell(line);
  }

  #warn(warnings: readonly string[]): void {
    if (this.#warned || warnings.length === 0) return;
    this.#warned = true;
    for (const warning of warnings) warn(warning);
  }

  #change(task: TaskState, { tasks }: Snapshot): void {
    if (this.#statuses.get(task.index) === task.status) return;
    const isFirstSight = !this.#statuses.has(task.index);
    this.#statuses.set(task.index, task.status);
    if (task.status === 'queued' || (isFirstSight && task.status === 'completed')) return;
    const ended = [...this.#statuses.values()].filter(hasEnded).length;
    const note = task.error ?? task.image_path ?? '';
    tell(
      `${ended}/${tasks.length} ${MARKS[task.status]} ${task.status} ${safe(task.task_name)} ${safe(note)}`.trimEnd(),
    );
  }

  /** A wait is told once, with its reason. */
  #wait(name: string, live: LiveAttempt | null): void {
    if (live?.state !== 'waiting' || live.nextAttemptAtMs === null) return;
    const key = `${live.temporalAttempt}`;
    if (this.#waits.get(name) === key) return;
    this.#waits.set(name, key);
    tell(waitLine(name, live));
  }
}

export function runningLines({ progress, live }: Snapshot): string[] {
  return progress.running.map(({ task_key, task_name }) => {
    const attempt = live.get(task_key) ?? null;
    if (attempt === null) return `▷ ${safe(task_name)}  starting or recording`;
    if (attempt.state === 'waiting') return waitLine(task_name, attempt);
    if (attempt.state === 'queued') return `▷ ${safe(task_name)}  waits for a free slot of the API lane`;
    return attemptLine(task_name, attempt);
  });
}

function attemptLine(name: string, { heartbeat }: LiveAttempt): string {
  if (heartbeat === null || (!heartbeat.sent && heartbeat.waiting_for === 'the spool'))
    return `▷ ${safe(name)}  starting`;
  const { elapsed_seconds, limit_seconds, attempt, waiting_for } = heartbeat;
  return `▷ ${safe(name)}  ${elapsed_seconds} s of ${limit_seconds} s  attempt ${Math.max(1, attempt)}  waiting for ${waiting_for}`;
}

function waitLine(name: string, { nextAttemptAtMs, lastFailure, temporalAttempt }: LiveAttempt): string {
  const seconds = Math.max(0, Math.round(((nextAttemptAtMs ?? Date.now()) - Date.now()) / 1000));
  return `• ${safe(name)}  next attempt (${temporalAttempt}) in ${seconds} s: ${safe(lastFailure ?? 'no reason given')}`;
}

function tell(line: string): void {
  say(`${new Date().toISOString().slice(0, 19)}Z ${line}`);
}
