import type { Billing, FailureCategory, Phase } from './failure.ts';
import type { ProviderDown } from './provider-down.ts';
import type { TaskStatus } from './status.ts';
import type { ImageFormat, InputImage, Mode } from './task.ts';

/** Carried by every JSON object on disk (SPEC F). Raised when a field changes its meaning or goes. */
export const SCHEMA_VERSION = 1;

/** What a file on disk is, measured from its bytes. */
export interface ImageFacts {
  bytes: number;
  sha256: string;
  format: ImageFormat;
  width: number;
  height: number;
}

/** Which process did it: equal in result, last attempt and batch row (SPEC P1). */
export interface WorkerBinding {
  /** `slot-1` … `slot-4` of a worker: `<host>/slot-n`. */
  worker_id: string;
  pid: number;
  thread_id: number;
  /** Run id of the task's workflow in which the request was sent. */
  run_id: string;
}

/** One HTTP request: `attempt-NN/result.json`, and a row of `attempts[]` (SPEC R4). */
export interface AttemptRecord extends WorkerBinding {
  schema_version: number;
  /** Requests of this task so far, from 1. */
  attempt: number;
  /** Temporal's own attempt number of the activity. */
  temporal_attempt: number;
  ok: boolean;
  workflow_id: string;
  generation_id: string;
  phase: Phase;
  started_at: string;
  ended_at: string | null;
  elapsed_ms: number | null;
  http_status: number | null;
  request_id: string | null;
  category: FailureCategory | null;
  error: string | null;
  retryable: boolean;
  billing: Billing;
  /** Earliest time of the next request, when one is planned. */
  next_attempt_at: string | null;
  /** The complete answer as it came, which the worker's spool keeps for a while. Absent in records of earlier versions. */
  response?: { sha256: string; bytes: number };
  /** Only of an answered request: what the provider said beside the image. */
  answer?: AnswerNotes;
}

export interface AnswerNotes {
  usage: Usage | null;
  revised_prompt: string | null;
  /** Differences from what was asked (SPEC G9): another size, format or model, an image seen before. */
  warnings: string[];
  /** Another generation of this host that brought the same image: it was not newly generated. */
  duplicate_of?: string;
  /** The model that made it by the provider's own words, when it is not the one asked for. */
  other_model?: string;
  /** Origin of an image that the answer only linked to. */
  downloaded_from?: string;
}

/** `attempt-NN/request.json`: what is about to be sent, without key (SPEC F2). */
export interface AttemptRequest {
  schema_version: number;
  attempt: number;
  method: 'POST';
  /** Scheme, host and port only. */
  endpoint_origin: string;
  path: '/images/generations' | '/images/edits';
  provider: string;
  model: string;
  mode: Mode;
  /** As it stands in the request: with safety constraints, and with the line breaks of a form (SPEC G6). */
  prompt_sent: string;
  /** Rules whose constraint it carries (`domain/prompt-safety-rules.ts`). Absent in records of earlier versions. */
  safety_rules?: string[];
  size: string;
  options: Record<string, string | number>;
  input_images: InputImage[];
  timeout_ms: number;
  generation_id: string;
  request_fingerprint: string;
  client_request_id: string;
  created_at: string;
}

/** `state.json` (SPEC F5): where a task stands, at most 10 s old while a request runs. */
export interface TaskStateRecord {
  schema_version: number;
  status: TaskStatus;
  task_key: string;
  attempt: number;
  max_attempts: number;
  started_at: string;
  updated_at: string;
  elapsed_seconds: number;
  next_attempt_at?: string;
  waiting_for?: string;
  output: string | null;
  last_error: string | null;
}

/** Token counts as the provider reports them. */
export type Usage = Record<string, unknown>;

/** `result.json` (SPEC F7): the proof. Absent values are null so that every field is always there. */
export interface ResultRecord extends WorkerBinding {
  schema_version: number;
  ok: boolean;
  acceptable: boolean;
  /** Ids of the rules of P1 that do not hold. */
  not_acceptable_because: string[];
  status: TaskStatus;
  stage: 'done' | 'failed';
  task_key: string;
  task_name: string;
  index: number;
  batch_id: string | null;
  batch_hash: string | null;
  provider: string;
  endpoint_origin: string | null;
  model: string;
  mode: Mode;
  input_images: InputImage[];
  output: string | null;
  image_path: string | null;
  bytes: number | null;
  sha256: string | null;
  format: ImageFormat | null;
  width: number | null;
  height: number | null;
  /** Whether the image carried a vendor's signature (C2PA) when it was recorded. Absent in records of earlier versions. */
  has_c2pa?: boolean;
  /** As asked: `WxH` or `auto`. */
  size: string;
  options: Record<string, string | number>;
  warnings: string[];
  /** As written. */
  prompt: string;
  /** What went out in the attempt that this result stands for; empty when nothing did, or its record is gone (SPEC G6). */
  prompt_sent: string;
  raw: boolean;
  /** Rules of `domain/prompt-safety-rules.ts` whose constraint `prompt_sent` carries. */
  safety_rules: string[];
  attempts_count: number;
  attempts: AttemptRecord[];
  billing: BillingTally;
  usage: Usage | null;
  revised_prompt?: string;
  request_id: string | null;
  generation_id: string;
  request_fingerprint: string;
  workflow_id: string;
  run_dir: string;
  created_at: string;
  adopted_from?: string;
  /** Only of a mock (SPEC M). */
  mock_output_text?: string;
  error: string | null;
  diagnosis: { category: FailureCategory; human_reason: string; retryable: boolean } | null;
  http_status: number | null;
}

/** What requests cost by the price table (SPEC R8), in micros: millionths of the currency's unit. */
export interface Money {
  /** Such as `USD`. */
  currency: string;
  spent_micros: number;
  /** Of requests that may have been charged: beside what was spent, not in it. */
  possibly_spent_micros: number;
}

/** Requests by what they may have cost (SPEC R4); money only where a price was configured. */
export interface BillingTally extends Partial<Money> {
  no: number;
  possible: number;
  yes: number;
}

export function billingTally(attempts: readonly { billing: Billing }[]): BillingTally {
  const sums: BillingTally = { no: 0, possible: 0, yes: 0 };
  for (const { billing } of attempts) sums[billing] += 1;
  return sums;
}

export function sumBilling(tallies: readonly BillingTally[]): BillingTally {
  const sums: BillingTally = { no: 0, possible: 0, yes: 0 };
  for (const { no, possible, yes } of tallies) {
    sums.no += no;
    sums.possible += possible;
    sums.yes += yes;
  }
  return { ...sums, ...sumMoney(tallies) };
}

/** Nothing when one of them has charges without a price, or another currency: half a sum would hide money. */
function sumMoney(tallies: readonly BillingTally[]): Partial<Money> {
  const charged = tallies.filter(
    ({ currency, possible, yes }) => currency !== undefined || possible + yes > 0,
  );
  const currency = charged[0]?.currency;
  if (currency === undefined || charged.some((tally) => tally.currency !== currency)) return {};
  const sum = (field: 'spent_micros' | 'possibly_spent_micros') =>
    charged.reduce((micros, tally) => micros + (tally[field] ?? 0), 0);
  return {
    currency,
    spent_micros: sum('spent_micros'),
    possibly_spent_micros: sum('possibly_spent_micros'),
  };
}

/** A task in `batch_result.json` and in the workflow's result: enough to find and check the proof. */
export interface TaskRow {
  index: number;
  task_name: string;
  task_key: string;
  status: TaskStatus;
  ok: boolean;
  acceptable: boolean;
  provider: string;
  model: string;
  mode: Mode;
  input_images: string[];
  image_path: string | null;
  bytes: number | null;
  sha256: string | null;
  run_dir: string | null;
  result_json: string | null;
  workflow_id: string | null;
  run_id: string | null;
  worker_id: string | null;
  pid: number | null;
  attempts_count: number;
  billing: BillingTally;
  error: string | null;
  category: FailureCategory | 'duplicate_key' | 'active_elsewhere' | 'queue_rejected' | 'invalid_task' | null;
  adopted_from?: string;
}

/** What a batch keeps in its history of how a task ended; the row itself is made from the task's folder. */
export type TaskEnd = Pick<
  TaskRow,
  | 'index'
  | 'status'
  | 'ok'
  | 'acceptable'
  | 'image_path'
  | 'bytes'
  | 'attempts_count'
  | 'billing'
  | 'error'
  | 'category'
  | 'adopted_from'
> & {
  /** The provider would refuse others the same way (SPEC R7). */
  provider_down?: ProviderDown;
  /** A request of it was sent and aborted: a person stopped it. Of cancelled tasks only (SPEC B7). */
  aborted?: true;
};

/** Row of the proof index (SPEC F10): which result proves a task of a batch. */
export interface ProofIndexRow {
  schema_version: number;
  batch_id: string | null;
  batch_hash: string | null;
  task_key: string;
  request_fingerprint: string;
  generation_id: string;
  result_json: string;
}
