/** What a report shows, gathered from a batch's folder as it is now (SPEC P4). Whatever is missing or broken is shown as that. */
import { basename, dirname, join } from 'node:path';
import { readOrderFile } from '../artifacts/order-file.ts';
import { readBatchRequest } from '../artifacts/batch-folder.ts';
import { readJson, TaskFolder } from '../artifacts/task-folder.ts';
import type { BatchRequestRecord, BatchResultRecord } from '../domain/batch-records.ts';
import { FILES } from '../domain/layout.ts';
import { type AttemptRecord, type BillingTally, type ResultRecord, sumBilling } from '../domain/records.ts';
import { MODE_NAMES } from '../domain/task.ts';
import { type Tally, tally, type TaskStatus } from '../domain/status.ts';
import type { StrongerEvidence } from '../domain/stronger-evidence.ts';
import type { VerifyItem } from '../proof/verdict.ts';
import { type VerifyOptions, verifyPaths } from '../proof/verify.ts';

export interface ReportBatch {
  id: string;
  name: string;
  folder: string;
  /** ISO 8601, like every time here. */
  created_at: string;
  as_of: string;
  has_ended: boolean;
  total: number;
  counters: Tally;
  cost: BillingTally;
  /** Whether its records are one whole, in words; null while it has not ended. */
  verdict: string;
  evidence: StrongerEvidence;
  warnings: string[];
}

export interface ReportTask {
  index: number;
  name: string;
  key: string;
  status: TaskStatus;
  /** Business name of the mode. */
  mode: string;
  provider: string;
  model: string;
  size: string;
  prompt: string;
  /** What the safety rules added to it; empty when nothing was, or nothing was sent. */
  prompt_added: string;
  safety_rules: string[];
  /** Absolute; null: there is none. */
  image_path: string | null;
  image: { bytes: number | null; sha256: string | null; width: number | null; height: number | null } | null;
  references: { path: string; sha256: string; bytes: number }[];
  attempts: ReportAttempt[];
  billing: BillingTally;
  error: string | null;
  verdict: VerifyItem['verdict'];
  broken: { id: string; en: string; zh: string; found?: string }[];
  evidence: StrongerEvidence;
  /** What identifies the call; for copying. */
  proof: Record<string, string | null>;
  run_dir: string;
  result_json: string | null;
  adopted_from: string | null;
  seconds: number | null;
}

export interface ReportAttempt {
  attempt: number;
  started_at: string;
  ended_at: string | null;
  http_status: number | null;
  category: string | null;
  billing: string;
  worker: string;
}

export interface ReportData {
  batch: ReportBatch;
  tasks: ReportTask[];
}

/** Null when there is no order in this folder. */
export async function reportData(batchDir: string, options: VerifyOptions): Promise<ReportData | null> {
  const request = await readBatchRequest(batchDir);
  if (request === null) return null;
  const summary = await readJson<BatchResultRecord>(join(batchDir, FILES.batchResult));
  const { items } = await verifyPaths([batchDir], options);
  const [whole, ...found] = items;
  const tasks = await Promise.all(
    request.tasks.map((task, i) => taskOf(batchDir, { request, summary, task }, found[i])),
  );
  return { batch: batchOf(batchDir, { request, summary }, whole, tasks), tasks };
}

interface Records {
  request: BatchRequestRecord;
  summary: BatchResultRecord | null;
}

function batchOf(
  folder: string,
  { request, summary }: Records,
  whole: VerifyItem | undefined,
  tasks: readonly ReportTask[],
): ReportBatch {
  const mine = tasks.filter(({ adopted_from }) => adopted_from === null);
  return {
    id: request.batch_id,
    name: request.batch_name,
    folder,
    created_at: request.created_at,
    as_of: new Date().toISOString(),
    has_ended: summary !== null,
    total: request.total,
    counters: tally(tasks.map(({ status }) => status)),
    cost: sumBilling(mine.map(({ billing }) => billing)),
    verdict: whole?.verdict ?? 'no proof',
    evidence: whole?.evidence ?? { c2pa: null, signature: null },
    warnings: request.warnings,
  };
}

type Ordered = BatchRequestRecord['tasks'][number];

async function taskOf(
  batchDir: string,
  { request, summary, task }: Records & { task: Ordered },
  item: VerifyItem | undefined,
): Promise<ReportTask> {
  const place = item?.kind === 'result' ? dirname(item.path) : (item?.path ?? task.run_dir);
  const result = item?.kind === 'result' ? await readJson<ResultRecord>(item.path) : null;
  const row = summary?.results.find(({ index }) => index === task.index);
  const order = await readOrderFile({ batch_dir: batchDir, order_file: task.order_file }).catch(() => null);
  const folder = new TaskFolder(place, (text) => text);
  const attempts = result?.attempts ?? (await folder.readAttempts().catch(() => []));
  const state = result === null ? await folder.readState() : null;
  const prompt = result?.prompt ?? order?.prompt ?? '';
  const status = result?.status ?? row?.status ?? state?.status ?? task.status;
  return {
    index: task.index,
    name: task.task_name,
    key: task.task_key,
    status,
    mode: MODE_NAMES[task.mode],
    provider: task.provider,
    model: task.model,
    size: result?.size ?? order?.size ?? '',
    prompt,
    prompt_added: addedTo(prompt, result?.prompt_sent ?? ''),
    safety_rules: result?.safety_rules ?? [],
    image_path: item?.image ?? null,
    image: result?.image_path == null ? null : factsOf(result),
    references: (result?.input_images ?? order?.input_images ?? []).map(({ path, sha256, bytes }) => ({
      path,
      sha256,
      bytes,
    })),
    attempts: attempts.map(attemptOf),
    billing: result?.billing ?? row?.billing ?? { no: 0, possible: 0, yes: 0 },
    error: result?.error ?? row?.error ?? state?.last_error ?? null,
    verdict: item?.verdict ?? 'no proof',
    broken: (item?.broken ?? []).map(({ id, en, zh, found }) => ({
      id,
      en,
      zh,
      ...(found === undefined ? {} : { found }),
    })),
    evidence: item?.evidence ?? { c2pa: null, signature: null },
    proof: proofOf(request, task, result),
    run_dir: place,
    result_json: item?.kind === 'result' ? item.path : null,
    adopted_from: result?.adopted_from ?? row?.adopted_from ?? null,
    seconds: secondsOf(attempts),
  };
}

/** Constraints stand behind what the user wrote (SPEC G6). */
function addedTo(prompt: string, sent: string): string {
  const plain = sent.replaceAll('\r\n', '\n');
  return plain.startsWith(prompt) ? plain.slice(prompt.length).trim() : '';
}

function factsOf({ bytes, sha256, width, height }: ResultRecord): ReportTask['image'] {
  return { bytes, sha256, width, height };
}

function attemptOf(record: AttemptRecord): ReportAttempt {
  const { attempt, started_at, ended_at, http_status, category, billing, worker_id } = record;
  return { attempt, started_at, ended_at, http_status, category, billing, worker: basename(worker_id) };
}

function proofOf(
  { batch_id, batch_hash }: BatchRequestRecord,
  { task_key }: Ordered,
  result: ResultRecord | null,
): Record<string, string | null> {
  return {
    task_key,
    batch_id,
    batch_hash,
    generation_id: result?.generation_id ?? null,
    request_id: result?.request_id ?? null,
    request_fingerprint: result?.request_fingerprint ?? null,
    endpoint: result?.endpoint_origin ?? null,
    workflow_id: result?.workflow_id ?? null,
    run_id: result?.run_id ?? null,
    worker: result === null ? null : `${result.worker_id} (pid ${result.pid})`,
    sha256: result?.sha256 ?? null,
  };
}

function secondsOf(attempts: readonly AttemptRecord[]): number | null {
  const [first, last] = [attempts[0], attempts.at(-1)];
  if (first === undefined || last?.ended_at == null) return null;
  return Math.round((Date.parse(last.ended_at) - Date.parse(first.started_at)) / 1000);
}
