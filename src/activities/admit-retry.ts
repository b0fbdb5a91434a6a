/**
 * A batch that has ended is taken up again in its own folder (SPEC B7): what is chosen runs once more, everything else stays
 * as it ended.
 */
import { join } from 'node:path';
import type { ApplicationFailure } from '@temporalio/activity';
import { readBatchRequest } from '../artifacts/batch-folder.ts';
import { QueueFolder, readQueueState } from '../artifacts/queue-folder.ts';
import { type OrderPlace, readOrderFile } from '../artifacts/order-file.ts';
import { readJson } from '../artifacts/task-folder.ts';
import type { AdmissionOrder } from '../domain/activity-contract.ts';
import type { Admission, RetryRequest } from '../domain/batch.ts';
import { FILES } from '../domain/layout.ts';
import type { BatchRequestRecord, BatchResultRecord, OrderedTask } from '../domain/batch-records.ts';
import { ON_PROVIDER_DOWN_DEFAULTS } from '../domain/provider-down.ts';
import type { ResultRecord, TaskRow } from '../domain/records.ts';
import { emptyRow, endOf, resultRow } from '../domain/rows.ts';
import { tasksToRetry } from '../domain/task-selection.ts';
import type { AdmittedTask } from '../domain/task.ts';
import { retryProblems } from '../intake/retry.ts';
import { generationOf, ticketOf } from './admit-one.ts';
import { badInput } from './bad-input.ts';
import { checkWritable } from './check-places.ts';
import { claimQueue } from './claim-queue.ts';
import type { ActivityDeps } from './deps.ts';
import { runAgain } from './run-again.ts';

interface EarlierTask extends OrderPlace {
  task: AdmittedTask;
  row: TaskRow;
}

export async function admitRetry(
  deps: ActivityDeps,
  order: AdmissionOrder,
  input: unknown,
): Promise<Admission> {
  const problems = retryProblems(input);
  if (problems.length > 0) throw badInput(problems);
  const { retry } = input as RetryRequest;
  const request = await earlierBatch(retry.batch_dir, order);
  await checkWritable(deps, [retry.batch_dir]);
  const said = await rowsSaid(retry.batch_dir);
  const earlier = await Promise.all(request.tasks.map((task) => earlierTask(retry.batch_dir, task, said)));
  const chosen = tasksToRetry(
    earlier.map(({ row }) => row),
    retry,
  );
  if ('problem' in chosen) throw badInput([{ path: ['retry', 'tasks'], message: chosen.problem }]);
  const isChosen = new Set(chosen.tasks.map(({ index }) => index));
  const found = request.queue === undefined ? [] : await reclaim(deps, order, request.queue);
  const kept = new Set<number>();
  for (const { task, row, ...place } of earlier.filter((one) => isChosen.has(one.row.index))) {
    // Of this order: a reset of it buys nothing again.
    const newGenerationId = generationOf(order, task.task_key);
    const { isKept } = await runAgain(deps, { before: task, place, newGenerationId, because: null });
    if (isKept) kept.add(row.index);
  }
  const kind = request.queue === undefined ? 'batch' : 'queue';
  const { batch_id, batch_name, batch_hash, max_workers, queue_limit, total, warnings } = request;
  const { currency, max_cost_micros } = request;
  return {
    batch_id,
    batch_name,
    batch_hash,
    max_workers,
    queue_limit,
    on_provider_down: request.on_provider_down ?? ON_PROVIDER_DOWN_DEFAULTS[kind],
    ...(currency === undefined ? {} : { currency }),
    ...(max_cost_micros === undefined ? {} : { max_cost_micros }),
    ...(request.queue === undefined ? {} : { is_queue: true as const }),
    total,
    warnings: [...warnings, ...found],
    batch_dir: retry.batch_dir,
    tasks: earlier.map(({ task, order_file }) => {
      const ticket = ticketOf(task, { order_file });
      // Its answer is paid: there is nothing that max_cost would have to allow.
      return kept.has(task.index) && ticket.price_micros !== undefined
        ? { ...ticket, price_micros: 0 }
        : ticket;
    }),
    billed: earlier
      .filter(({ row }) => isChosen.has(row.index))
      .map(({ row: { index, billing } }) => ({ index, billing })),
    ended: earlier.filter(({ row }) => !isChosen.has(row.index)).map(({ row }) => endOf(row)),
  };
}

/** The record of the batch that ended; only its own id may go on with it. */
async function earlierBatch(batchDir: string, order: AdmissionOrder): Promise<BatchRequestRecord> {
  const request = await readBatchRequest(batchDir);
  if (request === null) throw refused(`there is no ${FILES.batchRequest} in ${batchDir}`);
  if (request.batch_id === order.workflow_id) return request;
  throw refused(
    `${batchDir} is the folder of the batch "${request.batch_id}", not of "${order.workflow_id}"`,
  );
}

/** As its result says; one without a result as the batch said in the end. */
async function earlierTask(batchDir: string, ordered: OrderedTask, said: RowLookup): Promise<EarlierTask> {
  const place = { batch_dir: batchDir, order_file: ordered.order_file };
  const task = await readOrderFile(place).catch((error: unknown) => {
    throw refused((error as Error).message);
  });
  const path = join(task.run_dir, FILES.result);
  const result = await readJson<ResultRecord>(path);
  const row =
    result === null ? (said.get(task.index) ?? emptyRow(task, 'failed')) : resultRow(task, result, path);
  return { ...place, task, row: { ...row, index: task.index } };
}

type RowLookup = ReadonlyMap<number, TaskRow>;

async function rowsSaid(batchDir: string): Promise<RowLookup> {
  const record = await readJson<BatchResultRecord>(join(batchDir, FILES.batchResult));
  return new Map(record?.results.map((row) => [row.index, row]));
}

/** A queue run has its state directory once more, with the rows that it ended with (SPEC F4). */
async function reclaim(
  deps: ActivityDeps,
  { order_run_id, namespace }: AdmissionOrder,
  { state_dir, ...before }: NonNullable<BatchRequestRecord['queue']>,
): Promise<string[]> {
  const head = { ...before, order_run_id, namespace };
  const folder = new QueueFolder(state_dir, deps.redactLong);
  const rows = Object.values((await readQueueState(before.batch_dir))?.tasks ?? {});
  const found = await claimQueue(folder, head);
  await folder.admit(head, rows);
  return found;
}

function refused(message: string): ApplicationFailure {
  return badInput([{ path: ['retry', 'batch_dir'], message }]);
}
