/** What the ways of admission have in common: where defaults come from, the pace, the record of the whole. */
import { writeBatchRequest } from '../artifacts/batch-folder.ts';
import type { AdmissionOrder } from '../domain/activity-contract.ts';
import type { Admission, NormalizedBatch } from '../domain/batch.ts';
import type { PriceTable } from '../domain/cost.ts';
import type { BatchRequestRecord } from '../domain/batch-records.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import type { IntakeContext } from '../intake/normalize.ts';
import { type Admitted, orderedTask } from './admit-one.ts';
import type { ActivityDeps } from './deps.ts';

/** Where nothing is said the worker's settings count; a relative path means nothing here (SPEC H3). */
export function intake({ defaults, allowMock }: ActivityDeps, batchName: string): IntakeContext {
  return { baseDir: null, defaults, overrides: {}, allowMock, batchName };
}

interface RecordedOrder extends Pick<BatchRequestRecord, 'output_dir' | 'queue'> {
  order: AdmissionOrder;
}

export async function recordAdmission(
  admission: Admission,
  admitted: readonly Admitted[],
  { order, output_dir, queue }: RecordedOrder,
): Promise<void> {
  const { batch_dir, max_workers, queue_limit, on_provider_down, total, warnings, batch_name } = admission;
  const { currency, max_cost_micros } = admission;
  await writeBatchRequest(batch_dir, {
    schema_version: SCHEMA_VERSION,
    batch_id: order.workflow_id,
    batch_hash: admission.batch_hash ?? '',
    batch_name,
    workflow_id: order.workflow_id,
    order_run_id: order.order_run_id,
    created_at: new Date().toISOString(),
    max_workers,
    queue_limit,
    on_provider_down,
    ...(currency === undefined ? {} : { currency }),
    ...(max_cost_micros === undefined ? {} : { max_cost_micros }),
    output_dir,
    total,
    warnings,
    ...(queue === undefined ? {} : { queue }),
    tasks: admitted.map(orderedTask),
  });
}

/** What a cap is held against (SPEC R8): a currency only where every task that runs has a price. */
export function capOf(
  admitted: readonly Admitted[],
  { max_cost_micros }: Pick<NormalizedBatch, 'max_cost_micros'>,
  prices: PriceTable | null,
): Pick<Admission, 'currency' | 'max_cost_micros'> {
  const hasPrice = ({ task, row }: Admitted) => task.price !== undefined || row !== null;
  if (prices === null || !admitted.every(hasPrice)) return {};
  return { currency: prices.currency, ...(max_cost_micros === null ? {} : { max_cost_micros }) };
}

/** Admission waits for the disk, task after task: a few at a time share its fsyncs. */
const AT_A_TIME = 8;

export async function inTurns<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < items.length; from += AT_A_TIME) {
    const turn = items.slice(from, from + AT_A_TIME);
    results.push(...(await Promise.all(turn.map((item, i) => work(item, from + i)))));
  }
  return results;
}
