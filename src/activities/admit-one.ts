import { type OrderPlace, readOrderFile, writeOrderFile } from '../artifacts/order-file.ts';
import { TaskFolder } from '../artifacts/task-folder.ts';
import type { AdmissionOrder } from '../domain/activity-contract.ts';
import { type PriceTable, taskPrice } from '../domain/cost.ts';
import { generationId, requestFingerprint } from '../domain/ids.ts';
import { timestamp } from '../domain/layout.ts';
import type { OrderedTask } from '../domain/batch-records.ts';
import { SCHEMA_VERSION, type TaskRow } from '../domain/records.ts';
import type { AdmittedTask, TaskTicket } from '../domain/task.ts';
import { findProof, type Proven } from './adopt.ts';
import { promptStart } from '../domain/ui-text.ts';
import type { ActivityDeps } from './deps.ts';
import { emptyRow, resultRow } from '../domain/rows.ts';
import { sha256 } from './sha256.ts';
import { signTask } from './sign.ts';
import { writeQueued } from './task-state.ts';

/** A task as admission knows it, without what is computed here. */
export type WantedTask = Omit<
  AdmittedTask,
  'generation_id' | 'request_fingerprint' | 'price' | 'adopts' | 'stamp' | 'heartbeat_timeout_ms'
>;

export interface Refusal {
  status: 'skipped' | 'rejected' | 'discarded';
  reason: string;
  category: TaskRow['category'];
}

export interface Admitted {
  task: AdmittedTask;
  ticket: TaskTicket;
  /** Of a task that ended right here. */
  row: TaskRow | null;
}

export async function admitOne(
  deps: ActivityDeps,
  order: AdmissionOrder,
  { wanted, place }: { wanted: WantedTask; place: OrderPlace },
  { refusal, adopts, prices }: { refusal: Refusal | null; adopts: boolean; prices: PriceTable | null },
): Promise<Admitted> {
  const price = prices === null ? null : taskPrice(prices, wanted);
  const task: AdmittedTask = {
    ...wanted,
    ...(await whereItStands(order, { wanted, place })),
    request_fingerprint: requestFingerprint(wanted, wanted.input_images, sha256),
    ...(price === null ? {} : { price }),
    adopts,
    stamp: timestamp(order.started_at_ms),
    heartbeat_timeout_ms: deps.heartbeatTimeoutMs,
  };
  await writeOrderFile(place, task, deps.redactLong);
  const ticket = ticketOf(task, place);
  if (refusal !== null) return { task, ticket, row: refusedRow(task, refusal) };
  const proven = await findProof(task);
  if (proven !== null) return { task, ticket, row: await adopt(deps, task, proven) };
  await writeQueued(deps, task);
  return { task, ticket, row: null };
}

/** As `batch_request.json` lists it. */
export function orderedTask({ task, ticket, row }: Admitted): OrderedTask {
  const { index, task_key, task_name, provider, model, mode, input_images, run_dir } = task;
  return {
    index,
    task_key,
    task_name,
    provider,
    model,
    mode,
    input_images: input_images.map(({ path }) => path),
    run_dir,
    order_file: ticket.order_file,
    status: row?.status ?? 'queued',
  };
}

export function ticketOf(task: AdmittedTask, { order_file }: Pick<OrderPlace, 'order_file'>): TaskTicket {
  const { index, task_key, task_name, mode, provider, model, size, input_images } = task;
  const { timeout_ms, max_attempts, heartbeat_timeout_ms } = task;
  const limits = { timeout_ms, max_attempts, heartbeat_timeout_ms };
  const references = input_images.length;
  const looks = { references, prompt_start: promptStart(task.prompt) };
  const money = task.price === undefined ? {} : { price_micros: task.price.request_micros };
  return {
    index,
    task_key,
    task_name,
    mode,
    provider,
    model,
    size,
    ...looks,
    ...limits,
    ...money,
    order_file,
  };
}

/** Retry number 0: an order's first go. */
export function generationOf(order: AdmissionOrder, taskKey: string, retry = 0): string {
  const { namespace, order_run_id } = order;
  return generationId({ namespace, workflow_id: taskKey, order_run_id, retry }, sha256);
}

/** So often within one order a task is hardly run again. */
const RETRIES_LOOKED_AT = 100;

/**
 * A reset finds a task where it stands (SPEC B5, B6): what was ordered again since then within this very order may run, or have
 * delivered. Else it is at its first go.
 */
async function whereItStands(
  order: AdmissionOrder,
  { wanted, place }: { wanted: WantedTask; place: OrderPlace },
): Promise<Pick<AdmittedTask, 'generation_id' | 'continues'>> {
  const first = generationOf(order, wanted.task_key);
  const found = await readOrderFile(place).catch(() => null);
  if (found === null || found.generation_id === first) return standing(first, found);
  for (let retry = 1; retry <= RETRIES_LOOKED_AT; retry += 1)
    if (found.generation_id === generationOf(order, wanted.task_key, retry))
      return standing(found.generation_id, found);
  return standing(first, null);
}

function standing(
  generation_id: string,
  found: AdmittedTask | null,
): Pick<AdmittedTask, 'generation_id' | 'continues'> {
  const continues = found?.continues;
  return { generation_id, ...(continues === undefined ? {} : { continues }) };
}

/** SPEC H4: an adopted task's result is a copy that says where it comes from. A reset finds its own, and its cost stays its own. */
async function adopt(
  deps: ActivityDeps,
  task: AdmittedTask,
  { result, generated }: Proven,
): Promise<TaskRow> {
  const from = generated.adopted_from as string;
  if (result.run_dir === task.run_dir) return resultRow(task, result, from);
  const copy = { ...result, index: task.index, adopted_from: from };
  const folder = new TaskFolder(task.run_dir, deps.redactLong);
  await folder.writeState({
    schema_version: SCHEMA_VERSION,
    status: 'completed',
    task_key: task.task_key,
    attempt: result.attempts_count,
    max_attempts: task.max_attempts,
    started_at: result.created_at,
    updated_at: new Date().toISOString(),
    elapsed_seconds: 0,
    output: result.image_path,
    last_error: null,
  });
  const path = await folder.writeResult(copy);
  await signTask(deps, folder, { result: copy, resultJson: path });
  return resultRow(task, copy, path);
}

function refusedRow(task: AdmittedTask, { status, reason, category }: Refusal): TaskRow {
  return { ...emptyRow(task, status), error: reason, category };
}
