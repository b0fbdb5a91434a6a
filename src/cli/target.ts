/** What a person named: a batch, or a task by its key or by a name that only one running task has. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { describe, memoOf, queryTasks } from '../client.ts';
import { listOrders } from '../client/orders.ts';
import { WORKFLOW_TYPES } from '../domain/messages.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { safe } from './output.ts';
import type { Session } from './session.ts';

export type Target = BatchTarget | TaskTarget;

export interface BatchTarget {
  kind: 'batch';
  id: string;
  /** Its newest run. */
  run: WorkflowExecutionDescription;
}

export interface TaskTarget {
  kind: 'task';
  key: string;
  /** Null while it waits in its batch: it has no workflow then. */
  run: WorkflowExecutionDescription | null;
  /** Null for a task that was started alone. */
  batchId: string | null;
}

/** More running batches than these are not searched for a name. */
const SEARCHED = 100;

/** @throws CommandProblem exit 2 when nothing or several things have the name */
export async function findTarget(session: Session, named: string): Promise<Target> {
  const run = await describe(session.client, named);
  if (run?.type === WORKFLOW_TYPES.batch) return { kind: 'batch', id: named, run };
  if (run?.type === WORKFLOW_TYPES.task) {
    return { kind: 'task', key: named, run, batchId: memoOf(run).batch_id ?? null };
  }
  const found = await runningTasksNamed(session, named);
  const [task] = found;
  if (task === undefined) throw unknown(named);
  if (found.length === 1) return { kind: 'task', ...task, run: await describe(session.client, task.key) };
  const keys = found.map(({ key }) => `"${safe(key)}"`).join(', ');
  throw new CommandProblem(
    EXIT.usage,
    `${found.length} running tasks have the name "${safe(named)}"; say which by its key: ${keys}`,
  );
}

/** @throws CommandProblem exit 2 when it is none */
export async function findBatch(session: Session, named: string): Promise<BatchTarget> {
  const run = await describe(session.client, named);
  if (run?.type === WORKFLOW_TYPES.batch) return { kind: 'batch', id: named, run };
  throw new CommandProblem(
    EXIT.usage,
    run?.type === WORKFLOW_TYPES.task
      ? `"${safe(named)}" is a task, not a batch`
      : `there is no batch "${safe(named)}" on this server; \`imgproof list\` shows those it knows`,
  );
}

async function runningTasksNamed(
  { client }: Session,
  named: string,
): Promise<{ key: string; batchId: string }[]> {
  const batches = await listOrders(client, { kind: 'batch', only: 'running', limit: SEARCHED });
  const found = await Promise.all(
    batches.map(async ({ id }) => {
      const tasks = await queryTasks(client, client.workflow.getHandle(id));
      return (tasks ?? [])
        .filter(({ task_key, task_name }) => task_key === named || task_name === named)
        .map(({ task_key }) => ({ key: task_key, batchId: id, isKey: task_key === named }));
    }),
  );
  const all = found.flat();
  const byKey = all.filter(({ isKey }) => isKey);
  return byKey.length > 0 ? byKey.slice(0, 1) : all;
}

function unknown(named: string): CommandProblem {
  return new CommandProblem(
    EXIT.usage,
    `there is no batch and no task "${safe(named)}" on this server; \`imgproof list\` shows what it knows. ` +
      'A task is named by its key, or by `<batch> <task>`',
  );
}
