/** Follow one task to its end: what `watch` does with the key of a task (SPEC C3, C4). */
import { join } from 'node:path';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { type TaskFacts, taskFacts } from '../client/task-facts.ts';
import { readJson } from '../artifacts/task-folder.ts';
import { FILES } from '../domain/layout.ts';
import type { ResultRecord, TaskEnd, TaskRow } from '../domain/records.ts';
import { rowFields } from '../domain/rows.ts';
import type { Signals } from './detached.ts';
import type { ExitCode } from './exit-codes.ts';
import type { WaitFlags } from './flags.ts';
import { taskLooks } from './looks.ts';
import type { Progress } from './progress.ts';
import type { OrderFacts } from './progress-view.ts';
import { runEnd } from './run-end.ts';
import type { Session } from './session.ts';
import { type Ending, watchUntilEnd } from './watch.ts';

export async function followTask(
  session: Session,
  run: WorkflowExecutionDescription,
  { progress, signals }: { progress: Progress; signals: Pick<Signals, 'letGo'> },
  flags: Pick<WaitFlags, 'waitTimeout' | 'json'>,
): Promise<ExitCode> {
  const { client } = session;
  const key = run.workflowId;
  const facts = await taskFacts(client, run);
  const order: OrderFacts = { kind: 'task', id: key, total: 1, models: '', isAttached: true };
  const looks = taskLooks(client, key, facts, order, progress);
  const handle = client.workflow.getHandle(key) as { workflowId: string; result: () => Promise<TaskEnd> };
  const look = run.status.name === 'RUNNING' ? looks.look : async () => null;
  const ending = await watchUntilEnd<TaskEnd>(handle, { session, flags, look, letGo: signals.letGo });
  const isOver = ending.kind === 'result' || ending.kind === 'failed';
  progress.end(!isOver);
  return runEnd(await wholeEnd(ending, facts), key, looks.lastView(), flags);
}

/** A task of a batch hands its batch less than the row: the rest is in its record. */
async function wholeEnd(ending: Ending<TaskEnd>, facts: TaskFacts): Promise<Ending<TaskRow>> {
  switch (ending.kind) {
    case 'result':
      return { kind: 'result', result: await rowOf(ending.result, facts) };
    case 'failed': {
      const end = (ending.error as { cause?: { details?: unknown[] } }).cause?.details?.[0];
      const isEnd = (end as Partial<TaskEnd> | undefined)?.status !== undefined;
      return isEnd ? { kind: 'result', result: await rowOf(end as TaskEnd, facts) } : ending;
    }
    case 'detached':
    case 'wait timeout':
      return ending;
  }
}

async function rowOf(end: TaskEnd, facts: TaskFacts): Promise<TaskRow> {
  const { references: _, run_dir, ...known } = facts;
  const path = run_dir === null ? null : join(run_dir, FILES.result);
  const result = path === null ? null : await readJson<ResultRecord>(path);
  return {
    ...NOTHING_MORE,
    ...known,
    run_dir,
    ...(result === null
      ? {}
      : { ...rowFields(result), input_images: result.input_images.map(({ path }) => path) }),
    result_json: result === null ? null : path,
    ...end,
  };
}

const NOTHING_MORE = {
  input_images: [],
  sha256: null,
  workflow_id: null,
  run_id: null,
  worker_id: null,
  pid: null,
};
