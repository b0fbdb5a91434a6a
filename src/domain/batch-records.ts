/** What is on disk of a batch as a whole (SPEC F3, F8). */
import type { OnProviderDown } from './provider-down.ts';
import type { QueueHead } from './queue.ts';
import type { BillingTally, TaskRow } from './records.ts';
import type { TaskStatus } from './status.ts';

/** `batch_result.json` (SPEC F8). */
export interface BatchResultRecord {
  schema_version: number;
  ok: boolean;
  acceptable: boolean;
  stage: 'done';
  batch_id: string;
  batch_hash: string;
  batch_dir: string;
  max_workers: number;
  queue_limit: number;
  total: number;
  scheduled: number;
  processed: number;
  rejected: number;
  success: number;
  failed: number;
  timeout: number;
  cancelled: number;
  skipped: number;
  adopted: number;
  /** Tasks that are not completed, by category of what ended them: what the exit code is decided by. */
  failed_by: Record<string, number>;
  provider: string;
  model: string;
  no_local_fallback: true;
  /** Requests by billing class over all tasks but adopted ones, and what they cost where each has a price (SPEC R4, R8). */
  cost: BillingTally;
  results: TaskRow[];
}

/** The head of a batch's `manifest.jsonl`: what a workflow and its memo keep, so that files can be held against Temporal's history. */
export interface ManifestHead {
  /** sha256 of its last line; of a batch without tasks zeros. */
  head: string;
  count: number;
}

/** As a workflow's memo keeps it, with the folder that it is of. `key_id` null: it was not signed. */
export interface KeptHead extends ManifestHead {
  batch_dir: string;
  key_id: string | null;
}

/** Result of the workflow `imageBatch`: the batch record without its rows, and where they are. */
export type BatchSummary = Omit<BatchResultRecord, 'results' | 'schema_version'> & {
  batch_result_json: string;
  /** `key_id` null: the worker had no key that could be used, `unsigned` says why. Absent in results of earlier versions. */
  manifest?: ManifestHead & { key_id: string | null; unsigned?: string };
};

/** `batch_request.json` (SPEC F3): the order as admitted. */
export interface BatchRequestRecord {
  schema_version: number;
  batch_id: string;
  batch_hash: string;
  batch_name: string;
  workflow_id: string;
  order_run_id: string;
  created_at: string;
  max_workers: number;
  queue_limit: number;
  /** Absent in records of earlier versions. */
  on_provider_down?: OnProviderDown;
  /** Of its tasks' prices, where all that run have one (SPEC R8). */
  currency?: string;
  /** The order's own cap; absent for none. */
  max_cost_micros?: number;
  output_dir: string;
  total: number;
  warnings: string[];
  /** Only of a queue run. */
  queue?: QueueHead & { state_dir: string };
  tasks: OrderedTask[];
}

/** Enough for a row, whatever becomes of the task's own folder. */
export interface OrderedTask extends Pick<
  TaskRow,
  'index' | 'task_key' | 'task_name' | 'provider' | 'model' | 'mode' | 'input_images'
> {
  run_dir: string;
  /** Below the folder of the batch, with `/`. */
  order_file: string;
  /** At admission. */
  status: TaskStatus;
}
