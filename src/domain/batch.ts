import type { RetrySelection } from './messages.ts';
import type { OnProviderDown } from './provider-down.ts';
import type { QueueRequest, QueueSettings } from './queue.ts';
import type { BillingTally, TaskEnd, TaskRow } from './records.ts';
import type { NormalizedTask, TaskRequest, TaskTicket } from './task.ts';

/** An ordered list of images wanted. The same shape is a batch file and the input of the workflow `imageBatch` (SPEC T1). */
export interface BatchRequest extends BatchWideFields {
  $schema?: string;
  /** Part of the batch id and of the folder name. Default: the file's stem, else `batch`. */
  batch_name?: string;
  /** Images made at the same time, 1 to 4; anything else is clamped with a warning. Default 4 (SPEC B1). */
  max_workers?: number;
  /** Tasks admitted; the rest end `rejected`. Default 200, up to 10,000 when asked for (SPEC B2). */
  queue_limit?: number;
  /** True: order everything anew instead of adopting proven results (SPEC B6). Default false, of a queue run true. */
  again?: boolean;
  /**
   * When the provider says that credentials, balance or model are the problem (SPEC R7): `pause` the batch until somebody
   * has mended it, or `fail` what is left without a call. Default `pause`, of a queue run `fail`.
   */
  on_provider_down?: OnProviderDown;
  /**
   * Cap in units of the currency of the worker's `prices`, such as 2.5 (SPEC R8): no task is started whose expected price
   * would break it; the batch pauses then, and `resume` with a higher one goes on. Needs a price for every task. Default: none.
   */
  max_cost?: number;
  /** Makes it a queue run: the queue's admission and files (SPEC B3, F4), even when empty. */
  queue?: QueueRequest;
  tasks: TaskRequest[];
}

/** Input of `imageBatch` that takes a batch up again which has ended: its own id and folder, the chosen tasks once more. */
export interface RetryRequest {
  retry: RetrySelection & {
    /** `batch_dir` of its result; absolute. */
    batch_dir: string;
  };
}

/** Fields of a task that may stand once for the whole batch; the task's own wins (SPEC G3). */
export type BatchWideFields = Partial<
  Pick<
    TaskRequest,
    | 'provider'
    | 'model'
    | 'size'
    | 'quality'
    | 'background'
    | 'output_format'
    | 'output_compression'
    | 'moderation'
    | 'timeout_ms'
    | 'task_timeout_seconds'
    | 'max_attempts'
    | 'retry_base_delay'
    | 'retry_max_delay'
    | 'retry_jitter'
    | 'output_dir'
    | 'raw'
    | 'no_send'
    | 'send_to_feishu'
    | 'to_open_id'
    | 'on_unknown'
  >
>;

export const BATCH_LIMITS = {
  maxWorkers: 4,
  queueDefault: 200,
  queueMax: 10_000,
  /** Tasks one workflow run can carry: about 9 history events each, below the server's 4,096-event hint. */
  tasksPerRun: 400,
  /** Tasks one file may list: what is over the queue limit still has a ticket each, and tickets travel in one payload. */
  tasksPerFile: 1_000,
  inputBytes: 1024 * 1024,
  /** What a workflow takes in one input: far more than any order of `inputBytes` has, far less than what stalls a worker. */
  input: { levels: 32, values: 30_000 },
} as const;

/** SPEC B1: a wish for more or fewer workers is clamped, never an error. */
export function clampWorkers(wished: number | undefined): number {
  return Math.min(BATCH_LIMITS.maxWorkers, Math.max(1, Math.trunc(wished ?? BATCH_LIMITS.maxWorkers)));
}

/** A batch with defaults filled and paths absolute. */
export interface NormalizedBatch {
  batch_name: string;
  max_workers: number;
  queue_limit: number;
  again: boolean;
  on_provider_down: OnProviderDown;
  /** `max_cost` in micros; null: no cap. */
  max_cost_micros: number | null;
  /** Where `_proofs` and images without an own `output_dir` go. */
  output_dir: string;
  /** Null: no queue run. */
  queue: QueueSettings | null;
  tasks: NormalizedTask[];
  /** Things worth saying that stop nothing: clamped workers, ignored delivery fields, prompts with constraints appended. */
  warnings: string[];
}

/** What admission decided: who runs, and who ended right there (adopted, skipped, rejected). */
export interface Admission {
  batch_id: string | null;
  batch_name: string;
  batch_hash: string | null;
  batch_dir: string;
  max_workers: number;
  queue_limit: number;
  on_provider_down: OnProviderDown;
  /** Of the prices of its tasks; absent when not all of those that run have one. */
  currency?: string;
  /** Absent: no cap (SPEC R8). */
  max_cost_micros?: number;
  /** A queue run (SPEC F4): its state directory is told of what changes. Absent: it is none. */
  is_queue?: true;
  total: number;
  /** All of them, in file order. */
  tasks: TaskTicket[];
  /** Those that ended right there; of a task started alone its whole row. */
  ended: (TaskEnd | TaskRow)[];
  /** What requests of tasks that run once more may have cost before (SPEC R8); absent in histories of before that was known. */
  billed?: { index: number; billing: BillingTally }[];
  warnings: string[];
}
