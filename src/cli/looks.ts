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
import type { TaskState } from '../domain/messages.ts';
import type { NormalizedTask } from '../domain/task.ts';
import { warn } from './output.ts';
import type { Progress } from './progress.ts';
import { type OrderFacts, type Snapshot, type View, viewOf } from './progress-view.ts';

/** What a waiting command sees. */
export interface Looks {
  look: () => Promise<void>;
  /** The picture of now; null before the first answer of the server. */
  lastView: () => View | null;
}

export function batchLooks(
  client: Client,
  handle: BatchHandle,
  order: OrderFacts,
  progress: Progress,
): Looks {
  return looksOf(order, progress, async () => {
    const snapshot = await batchSnapshot(client, handle);
    for (const warning of snapshot?.progress.warnings ?? []) warn(warning);
    return snapshot;
  });
}

export function taskLooks(
  client: Client,
  key: string,
  task: NormalizedTask,
  order: OrderFacts,
  progress: Progress,
): Looks {
  let startedAt: string | null = null;
  return looksOf(order, progress, async () => {
    startedAt ??= (await describe(client, key).catch(() => null))?.startTime.toISOString() ?? null;
    return startedAt === null ? null : taskSnapshot(key, task, startedAt, await liveAttempt(client, key));
  });
}

function looksOf(order: OrderFacts, progress: Progress, snapshotNow: () => Promise<Snapshot | null>): Looks {
  let last: Snapshot | null = null;
  return {
    look: async () => {
      const snapshot = await snapshotNow();
      if (snapshot === null) return;
      last = snapshot;
      progress.show((nowMs) => viewOf(order, snapshot, nowMs));
    },
    lastView: () => (last === null ? null : viewOf(order, last, Date.now())),
  };
}

/** Null while no worker answers. */
export async function batchSnapshot(client: Client, handle: BatchHandle): Promise<Snapshot | null> {
  const [progress, tasks] = await Promise.all([queryProgress(client, handle), queryTasks(client, handle)]);
  if (progress === null || tasks === null) return null;
  const live = await Promise.all(
    tasks
      .filter(({ status }) => status === 'running')
      .map(async ({ task_key }) => [task_key, await liveAttempt(client, task_key)] as const),
  );
  return { atMs: Date.now(), progress, tasks, live: new Map(live) };
}

/** A task alone answers no queries: as long as it is waited for, it runs. */
function taskSnapshot(
  task_key: string,
  { task_name, mode, input_images }: NormalizedTask,
  started_at: string,
  live: LiveAttempt | null,
): Snapshot {
  const state: TaskState = {
    index: 1,
    task_key,
    task_name,
    mode,
    references: input_images.length,
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
  const progress = { phase: 'running' as const, started_at, total: 1, max_workers: 1, warnings: [] };
  return { atMs: Date.now(), progress, tasks: [state], live: new Map([[task_key, live]]) };
}
