/** Looks at the server, handed to a form of progress: of a batch, and of a task started alone. */
import type { Client } from '@temporalio/client';
import {
  type BatchHandle,
  describe,
  type LiveAttempt,
  liveAttempt,
  queryProgress,
  queryTasks,
} from '../client.ts';
import type { BatchProgress, TaskState } from '../domain/messages.ts';
import { warn } from './output.ts';
import type { Progress } from './progress.ts';
import { type BatchEnd, endSnapshot } from './ended-batch.ts';
import { type Standstill, standstillOf } from './standstill.ts';
import { type OrderFacts, type Snapshot, type View, viewOf } from './progress-view.ts';

/** What a waiting command sees. */
export interface Looks<Seen = never> {
  /** Null: there is more to come. */
  look: () => Promise<Seen | null>;
  /** The picture of now; null before the first answer of the server. */
  lastView: () => View | null;
  /** The last picture, from how it ended. Nothing that is looked at afterwards, or was before, is shown any more. */
  end: (ended: BatchEnd) => void;
}

export function batchLooks(
  client: Client,
  handle: BatchHandle,
  order: OrderFacts,
  progress: Progress,
): Looks<Standstill> {
  let isAdmitted = false;
  return looksOf(order, progress, async () => {
    // Quiet tells the warnings of the order, and nothing of what comes then.
    if (progress.form === 'quiet' && isAdmitted)
      return { snapshot: null, seen: standstillOf(await queryProgress(client, handle)) };
    const snapshot = await batchSnapshot(client, handle);
    isAdmitted = snapshot !== null && snapshot.progress.phase !== 'admitting';
    for (const warning of snapshot?.progress.warnings ?? []) warn(warning);
    return { snapshot, seen: standstillOf(snapshot?.progress ?? null) };
  });
}

/** What is shown of a task that was ordered alone. */
type TaskLook = Pick<TaskState, 'task_name' | 'mode' | 'references'>;

export function taskLooks(
  client: Client,
  key: string,
  task: TaskLook,
  order: OrderFacts,
  progress: Progress,
): Looks {
  let startedAt: string | null = null;
  return looksOf(order, progress, async () => {
    if (progress.form === 'quiet') return NOTHING;
    startedAt ??= (await describe(client, key).catch(() => null))?.startTime.toISOString() ?? null;
    if (startedAt === null) return NOTHING;
    return { snapshot: taskSnapshot(key, task, startedAt, await liveAttempt(client, key)), seen: null };
  });
}

interface Looked<Seen> {
  /** Null: there is nothing to show. */
  snapshot: Snapshot | null;
  seen: Seen | null;
}

const NOTHING: Looked<never> = { snapshot: null, seen: null };

function looksOf<Seen = never>(
  order: OrderFacts,
  progress: Progress,
  lookNow: () => Promise<Looked<Seen>>,
): Looks<Seen> {
  let last: Snapshot | null = null;
  let isOver = false;
  const show = (snapshot: Snapshot) => {
    last = snapshot;
    progress.show((nowMs) => viewOf(order, snapshot, nowMs));
  };
  return {
    look: async () => {
      const { snapshot, seen } = await lookNow();
      if (snapshot !== null && !isOver) show(snapshot);
      return seen;
    },
    lastView: () => (last === null ? null : viewOf(order, last, Date.now())),
    end: (ended) => {
      isOver = true;
      if (last !== null) show(endSnapshot(ended, last, Date.now()));
    },
  };
}

/** With all that the batch itself says. */
export interface BatchSnapshot extends Snapshot {
  progress: BatchProgress;
}

/** Null while no worker answers. */
export async function batchSnapshot(client: Client, handle: BatchHandle): Promise<BatchSnapshot | null> {
  const standing = await batchStanding(client, handle);
  if (standing === null) return null;
  const live = await Promise.all(
    standing.tasks
      .filter(({ status }) => status === 'running')
      .map(async ({ task_key }) => [task_key, await liveAttempt(client, task_key)] as const),
  );
  return { ...standing, atMs: Date.now(), live: new Map(live) };
}

/** Without what each running task does now: that is a question to the server for each. */
export async function batchStanding(client: Client, handle: BatchHandle): Promise<BatchSnapshot | null> {
  // In this order: of a batch that says it stands still the tasks have to be of then, not of before.
  const progress = await queryProgress(client, handle);
  const tasks = progress === null ? null : await queryTasks(client, handle);
  if (progress === null || tasks === null) return null;
  return { atMs: Date.now(), progress, tasks, live: new Map() };
}

/** A task alone answers no queries: as long as it is waited for, it runs. */
function taskSnapshot(
  task_key: string,
  { task_name, mode, references }: TaskLook,
  started_at: string,
  live: LiveAttempt | null,
): Snapshot {
  const state: TaskState = {
    index: 1,
    task_key,
    task_name,
    mode,
    references,
    status: 'running',
    adopted: false,
    cancelling: null,
    started_at,
    ended_at: null,
    image_path: null,
    bytes: null,
    billing: { no: 0, possible: 0, yes: 0 },
    error: null,
  };
  const progress = {
    phase: 'running' as const,
    started_at,
    total: 1,
    max_workers: 1,
    paused: null,
    warnings: [],
  };
  return { atMs: Date.now(), progress, tasks: [state], live: new Map([[task_key, live]]) };
}
