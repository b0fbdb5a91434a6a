/** Tasks of a batch as `list`, `get` and `history` show them: of a running one by its word, of an ended one by its record. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { readJson } from '../artifacts/task-folder.ts';
import type { BatchResultRecord } from '../domain/batch-records.ts';
import type { AttemptRecord, ResultRecord, TaskRow } from '../domain/records.ts';
import type { TaskState } from '../domain/messages.ts';
import { mapLimited } from '../proof/map-limited.ts';
import { recordOf, stateOfRow } from './ended-batch.ts';
import { batchSnapshot } from './looks.ts';
import { type Activity, type Snapshot, viewOf } from './progress-view.ts';
import type { Session } from './session.ts';
import { sentCount } from './words.ts';

/** One task, as plain data: what `--json` prints. */
export interface ListedTask extends Omit<TaskState, 'cancelling'> {
  /** Requests so far, the one under way included. */
  attempts_count: number;
  /** From its start to its end, or to now; null when it never ran, or nobody knows. */
  elapsed_seconds: number | null;
  /** Why it stands where it stands: what it waits for, what it failed by. */
  reason: string | null;
  /** Its record, when it has one and its batch says where. */
  result_json: string | null;
}

/** Null when no worker answers for a batch whose record is not on this disk. */
export async function tasksOfBatch(
  { client }: Session,
  run: WorkflowExecutionDescription,
): Promise<ListedTask[] | null> {
  const record = run.status.name === 'RUNNING' ? null : await recordOf(run);
  if (record !== null) return listedRows(record);
  const snapshot = await batchSnapshot(client, client.workflow.getHandle(run.workflowId, run.runId));
  return snapshot === null ? null : listedStates(run.workflowId, snapshot);
}

export function listedRows({ results }: Pick<BatchResultRecord, 'results'>): Promise<ListedTask[]> {
  return mapLimited(results, READ_AT_ONCE, listedRow);
}

const READ_AT_ONCE = 8;

/** When it ran, its attempts say: those of the order that its result is of. */
async function listedRow(row: TaskRow): Promise<ListedTask> {
  const result = row.result_json === null ? null : await readJson<ResultRecord>(row.result_json);
  const { cancelling: _, ...state } = stateOfRow(row, null, 0);
  const attempts = result?.attempts.filter(({ generation_id }) => generation_id === result.generation_id);
  const times = row.adopted_from === undefined ? spanOf(attempts ?? []) : NEVER;
  return {
    ...state,
    ...times,
    attempts_count: sentCount(state.billing),
    elapsed_seconds: elapsedSeconds(times),
    reason: row.error,
    result_json: row.result_json,
  };
}

const NEVER = { started_at: null, ended_at: null };

export function spanOf(attempts: readonly AttemptRecord[]): Pick<TaskState, 'started_at' | 'ended_at'> {
  return {
    started_at: attempts[0]?.started_at ?? null,
    ended_at: attempts.findLast(({ ended_at }) => ended_at !== null)?.ended_at ?? null,
  };
}

function elapsedSeconds({ started_at, ended_at }: Pick<TaskState, 'started_at' | 'ended_at'>): number | null {
  if (started_at === null || ended_at === null) return null;
  return Math.round((Date.parse(ended_at) - Date.parse(started_at)) / 1000);
}

export function listedStates(id: string, snapshot: Snapshot): ListedTask[] {
  const view = viewOf({ kind: 'batch', id, total: 0, models: '', isAttached: true }, snapshot, snapshot.atMs);
  const seen = new Map(view.tasks.map((task) => [task.index, task]));
  return snapshot.tasks.map(({ cancelling, ...state }) => {
    const { activity = null, elapsedMs = null } = seen.get(state.index) ?? {};
    const isStopping = cancelling !== null && state.status === 'running';
    return {
      ...state,
      attempts_count: activity === null ? sentCount(state.billing) : attemptsOf(activity),
      elapsed_seconds: elapsedMs === null ? null : Math.round(elapsedMs / 1000),
      reason: isStopping ? STOPPING[cancelling] : (state.error ?? reasonOf(activity)),
      result_json: null,
    };
  });
}

const STOPPING = {
  finish: 'cancelled; what was sent may still bring the image',
  now: 'cancelled; the request is being aborted',
};

function attemptsOf(activity: Activity): number {
  if (activity.kind === 'request') return activity.attempt;
  return activity.kind === 'wait' ? Math.max(0, (activity.attempt ?? 1) - 1) : 0;
}

function reasonOf(activity: Activity | null): string | null {
  switch (activity?.kind) {
    case 'wait':
      return `next attempt in ${Math.round(activity.leftMs / 1000)} s: ${activity.reason}`;
    case 'slot':
      return 'waits for a free slot';
    case 'request':
    case 'begun':
    case 'beside':
    case undefined:
      return null;
  }
}
