/**
 * The files of a queue's state directory (SPEC F4): projections of what Temporal's history knows, kept current while a run
 * goes on. This is their only writer. Several processes may tell at once; everything is done under one lock, and a reader
 * finds `queue_state.json` whole at every instant.
 */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FILES } from '../domain/layout.ts';
import {
  type QueueEvent,
  type QueueHead,
  type QueuePlace,
  type QueueRow,
  type QueueState,
  queueState,
} from '../domain/queue.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import { hasEnded } from '../domain/status.ts';
import { jsonText, makeFolder, replaceProjection } from '../host/durable-file.ts';
import { whileHeld } from '../host/held.ts';
import { appendOnce } from './json-lines.ts';
import { type Redact, redactRecord } from './redact-record.ts';
import { readJson } from './task-folder.ts';

/** What became of the wish to run on this directory. */
export type QueueClaim =
  /** `found`: the run that was there before, whatever became of it. */
  { kind: 'claimed'; found: QueueState | null } | { kind: 'busy'; by: QueueState };

export interface QueueEventRecord {
  ts: string;
  event: QueueEvent;
  queue_id: string;
  task_id: string;
  [detail: string]: unknown;
}

export class QueueFolder {
  readonly path: string;
  readonly #redact: Redact;

  constructor(stateDir: string, redact: Redact) {
    this.path = stateDir;
    this.#redact = redact;
  }

  /**
   * Take the directory for a run. One that is recorded as running there keeps it while `isOpen` says so. The same run may
   * claim twice and finds what it wrote.
   */
  async claim(head: QueueHead, isOpen: (state: QueueState) => Promise<boolean>): Promise<QueueClaim> {
    await makeFolder(this.path);
    return this.#alone(async () => {
      const found = await this.#read();
      if (found !== null && isSameRun(found, head)) return { kind: 'claimed', found: null };
      if (found?.status === 'running' && (await isOpen(found))) return { kind: 'busy', by: found };
      if (found?.status === 'running') await this.#keep(found);
      await this.#write(queueState({ ...head, ...now('running') }, []));
      return { kind: 'claimed', found };
    });
  }

  /** Rows of a run that was admitted; those that are there already stay as they are. */
  async admit(head: QueueHead, rows: readonly QueueRow[]): Promise<void> {
    await this.#alone(async () => {
      const state = await this.#stateOf(head.queue_id);
      const known = state?.tasks ?? {};
      const all = rows.map((row) => known[row.task_id] ?? row);
      await this.#write(queueState({ ...head, ...now('running') }, all));
      await this.#log(rows.map((row) => eventOf(row.accepted ? 'task_accepted' : 'task_rejected', row)));
      await this.#end(rows.filter(({ status }) => hasEnded(status)));
    });
  }

  /** An attempt of it holds a slot. */
  async started(
    place: QueuePlace,
    slot: { worker_id: string; thread_id: number; pid: number },
  ): Promise<void> {
    await this.#change(
      place,
      'task_started',
      unlessEnded((row) => ({
        ...row,
        ...slot,
        status: 'running',
        started_at: row.started_at ?? timeNow(),
      })),
    );
  }

  /** Its attempt has let go of the slot and it waits for the next one, or for its last word. */
  async released(place: QueuePlace): Promise<void> {
    await this.#change(
      place,
      null,
      unlessEnded((row) => ({ ...row, worker_id: null, thread_id: null, pid: null })),
    );
  }

  /** Its last word; a task that was ordered again says it once more. */
  async finished(place: QueuePlace, end: QueueEnd): Promise<void> {
    await this.#change(place, 'task_finished', (row) => endedRow(row, end));
  }

  /** It waits for its turn once more; `because` unless a person said so. */
  async reopened(place: QueuePlace, generationId: string, because: string | null = null): Promise<void> {
    await this.#change(place, 'task_accepted', (row) => ({
      ...row,
      status: 'queued',
      generation_id: generationId,
      queued_at: timeNow(),
      started_at: null,
      ended_at: null,
      elapsed_seconds: null,
      error: because,
      output: null,
      worker_id: null,
      thread_id: null,
      pid: null,
      result_json: null,
    }));
  }

  /** The run has ended: nothing runs or waits there any more, also of what nobody told before. */
  async done(queueId: string, ends: ReadonlyMap<string, QueueEnd>): Promise<void> {
    await this.#alone(async () => {
      const state = await this.#stateOf(queueId);
      if (state === null) return;
      const rows = Object.values(state.tasks).map((row) => {
        const end = ends.get(row.task_id);
        return end === undefined || hasEnded(row.status) ? row : endedRow(row, end);
      });
      const news = rows.filter(({ task_id, status }) => status !== state.tasks[task_id]?.status);
      const last = queueState({ ...state, ...now('done') }, rows);
      await this.#write(last);
      await this.#log(news.map((row) => eventOf('task_finished', row)));
      await this.#end(news);
      await this.#keep(last);
    });
  }

  /** So many tasks may run at a time from now on. */
  async limit(queueId: string, maxWorkers: number): Promise<void> {
    await this.#alone(async () => {
      const state = await this.#stateOf(queueId);
      if (state?.status !== 'running') return;
      const head = { ...state, ...now('running'), max_workers: maxWorkers };
      await this.#write(queueState(head, Object.values(state.tasks)));
    });
  }

  /** One line of `events.jsonl` that changes no row. */
  async tell(place: QueuePlace, event: QueueEvent, details: Record<string, unknown> = {}): Promise<void> {
    const { queue_id, task_id } = place;
    await this.#alone(() => this.#log([{ ts: timeNow(), event, queue_id, task_id, ...details }]));
  }

  async #change(place: QueuePlace, event: QueueEvent | null, change: Change): Promise<void> {
    await this.#alone(async () => {
      const state = await this.#stateOf(place.queue_id);
      const before = state?.tasks[place.task_id];
      // Another run has the directory now; what this one does is in its own folder and in Temporal.
      if (state === null || before === undefined) return;
      const row = change(before);
      if (row === null) return;
      const rows = Object.values({ ...state.tasks, [row.task_id]: row });
      await this.#write(queueState({ ...state, ...now('running') }, rows));
      if (event !== null) await this.#log([eventOf(event, row)]);
      if (hasEnded(row.status)) await this.#end([row]);
    });
  }

  async #stateOf(queueId: string): Promise<QueueState | null> {
    const state = await this.#read();
    return state?.queue_id === queueId ? state : null;
  }

  #read(): Promise<QueueState | null> {
    return readQueueState(this.path);
  }

  async #write(state: QueueState): Promise<void> {
    const clean = redactRecord(state, this.#redact);
    await replaceProjection(join(this.path, FILES.queueState), jsonText(clean));
  }

  #log(events: readonly QueueEventRecord[]): Promise<void> {
    const lines = events.map((event) => ({ schema_version: SCHEMA_VERSION, ...event }));
    return appendOnce(join(this.path, FILES.queueEvents), this.#clean(lines), identityOf);
  }

  #end(rows: readonly QueueRow[]): Promise<void> {
    const lines = rows.map((row) => ({ schema_version: SCHEMA_VERSION, ...row }));
    return appendOnce(join(this.path, FILES.queueTasks), this.#clean(lines), identityOf);
  }

  #clean<Record>(records: readonly Record[]): Record[] {
    return records.map((record) => redactRecord(record, this.#redact));
  }

  /** In the run's own folder, where it stays when the next run takes the directory. */
  async #keep({ batch_dir }: QueueState): Promise<void> {
    // By its name: the directory may have been moved since.
    const folder = join(this.path, FILES.queueRuns, basename(batch_dir));
    await makeFolder(folder);
    const state = await readFile(join(this.path, FILES.queueState), 'utf8');
    await replaceProjection(join(folder, FILES.queueState), state);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return whileHeld(join(this.path, FILES.queueLock), work);
  }
}

/** Without a lock, by anybody: the file is whole at every instant. Null when there is none. */
export function readQueueState(stateDir: string): Promise<QueueState | null> {
  return readJson<QueueState>(join(stateDir, FILES.queueState));
}

/** Null: there is nothing to change. */
type Change = (row: QueueRow) => QueueRow | null;

/** What a late attempt tells of a task that has had its last word is no news. */
function unlessEnded(change: Change): Change {
  return (row) => (hasEnded(row.status) ? null : change(row));
}

/** What is known of a task's end. */
export type QueueEnd = Pick<QueueRow, 'status' | 'output' | 'error' | 'result_json'> &
  Partial<Pick<QueueRow, 'worker_id' | 'thread_id' | 'pid'>>;

function endedRow(row: QueueRow, end: QueueEnd): QueueRow {
  const ended_at = row.ended_at ?? timeNow();
  const tookMs = row.started_at === null ? null : Date.parse(ended_at) - Date.parse(row.started_at);
  return { ...row, ...end, ended_at, elapsed_seconds: tookMs === null ? null : Math.round(tookMs) / 1000 };
}

function isSameRun(one: QueueHead, other: QueueHead): boolean {
  return one.queue_id === other.queue_id && one.order_run_id === other.order_run_id;
}

function eventOf(event: QueueEvent, row: QueueRow): QueueEventRecord {
  const { queue_id, task_id, task_key, task_name, status, worker_id, error, generation_id } = row;
  return {
    ts: timeNow(),
    event,
    queue_id,
    task_id,
    task_key,
    task_name,
    status,
    worker_id,
    error,
    generation_id,
  };
}

/**
 * The same thing said again, by an activity that is repeated. A task that is ordered anew has another generation, or another
 * status when its paid answer is made an image after all.
 */
function identityOf(record: Partial<Record<string, unknown>>): string {
  const { event, task_id, generation_id, attempt, status } = record;
  return JSON.stringify([event, task_id, generation_id, attempt, status]);
}

function now(status: QueueState['status']) {
  return { schema_version: SCHEMA_VERSION, status, updated_at: timeNow() };
}

function timeNow(): string {
  return new Date().toISOString();
}
