/** Last words of a task (SPEC F7): everything comes from what is on disk, so that saying them twice says the same. */
import { readFile } from 'node:fs/promises';
import { inspectImage, type InspectedImage } from '../artifacts/image-file.ts';
import { writeProofIndex } from '../artifacts/proof-index.ts';
import { readJson, TaskFolder } from '../artifacts/task-folder.ts';
import { brokenRules, type Evidence } from '../domain/acceptance.ts';
import type {
  Delivery,
  GeneratedImage,
  ImageActivities,
  MockedImage,
  TaskOutcome,
  TaskRecordOrder,
} from '../domain/activity-contract.ts';
import { billed } from '../domain/cost.ts';
import { FAILURES } from '../domain/failure.ts';
import {
  type AttemptRecord,
  type AttemptRequest,
  type ProofIndexRow,
  type ResultRecord,
  SCHEMA_VERSION,
  type TaskRow,
  type TaskStateRecord,
} from '../domain/records.ts';
import { resultRow } from '../domain/rows.ts';
import { type AdmittedTask, MOCK_PROVIDER } from '../domain/task.ts';
import { hasC2paMark } from '../proof/c2pa.ts';
import { referencesNow } from './read-references.ts';
import { proofIndexPath } from './adopt.ts';
import type { ActivityDeps } from './deps.ts';
import { recordSpooled } from './kept-answer.ts';
import { queueEndOf } from './queue-rows.ts';
import { sha256 } from './sha256.ts';
import { signTask } from './sign.ts';
import { readTask } from './task-of-order.ts';
import { tellQueue } from './tell-queue.ts';

export function createRecordTask(deps: ActivityDeps): ImageActivities['recordTask'] {
  return async ({ order, outcome, ...origin }) => {
    const task = await readTask(order);
    const ended: EndedTask = { ...origin, task };
    const folder = new TaskFolder(task.run_dir, deps.redactLong);
    const result =
      outcome.status === 'completed'
        ? await deliveredResult(ended, folder, outcome.generated, deps)
        : await failedResult(ended, folder, outcome, deps);
    const row = await record(ended, folder, { result, isRestated: isRestated(outcome, result) }, deps);
    await tellQueue(deps, task, (queue, place) => queue.finished(place, queueEndOf(row)));
    return row;
  };
}

interface EndedTask extends Omit<TaskRecordOrder, 'order' | 'outcome'> {
  task: AdmittedTask;
}

async function record(
  ended: EndedTask,
  folder: TaskFolder,
  { result, isRestated: isOld }: { result: ResultRecord; isRestated: boolean },
  deps: Pick<ActivityDeps, 'keys'>,
): Promise<TaskRow> {
  const { task } = ended;
  const path = await folder.writeResult(result);
  // The index comes after it: it may only point to a result that is there.
  await Promise.all([
    folder.writeState(endState(ended, result)),
    isOld ? null : signTask(deps, folder, { result, resultJson: path }),
    isProof(result) ? writeProofIndex(proofIndexPath(task), indexRow(task, path)) : null,
  ]);
  return resultRow(task, result, path);
}

/** Said before, in this very folder, by a run that was reset: its signature is the one of then. */
function isRestated(outcome: TaskOutcome, { adopted_from }: ResultRecord): boolean {
  if (outcome.status !== 'completed' || !('image' in outcome.generated)) return false;
  return outcome.generated.adopted_from !== undefined && adopted_from === undefined;
}

/** A mock is never adopted, and must not stand in the way of what can be (SPEC M). */
function isProof({ status, provider }: ResultRecord): boolean {
  return status === 'completed' && provider !== MOCK_PROVIDER;
}

function indexRow(task: AdmittedTask, resultJson: string): ProofIndexRow {
  const { batch_id, batch_hash, task_key, request_fingerprint, generation_id } = task;
  return {
    schema_version: SCHEMA_VERSION,
    batch_id,
    batch_hash,
    task_key,
    request_fingerprint,
    generation_id,
    result_json: resultJson,
  };
}

function deliveredResult(
  ended: EndedTask,
  folder: TaskFolder,
  delivery: Delivery,
  deps: ActivityDeps,
): Promise<ResultRecord> {
  return 'mock' in delivery
    ? mockResult(ended, folder, delivery, deps)
    : provenResult(ended, folder, delivery, deps);
}

async function mockResult(
  ended: EndedTask,
  folder: TaskFolder,
  { attempt, mock }: MockedImage,
  deps: ActivityDeps,
): Promise<ResultRecord> {
  const attempts = await attemptsOf(ended.task, folder, deps);
  const last = attempts.findLast((record) => record.attempt === attempt) ?? null;
  const result: ResultRecord = {
    ...commonResult(ended, attempts),
    ...(last === null ? {} : bindingOf(last)),
    ok: true,
    status: 'completed',
    stage: 'done',
    mock_output_text: mock.output_text,
  };
  return accepted(result, ended, last, { image: null, inputRoots: deps.inputRoots() });
}

async function provenResult(
  ended: EndedTask,
  folder: TaskFolder,
  generated: GeneratedImage,
  deps: ActivityDeps,
): Promise<ResultRecord> {
  const { task } = ended;
  const origin =
    generated.adopted_from === undefined ? null : await readJson<ResultRecord>(generated.adopted_from);
  if (origin !== null && origin.run_dir === task.run_dir) return origin;
  if (origin !== null)
    return { ...origin, index: task.index, adopted_from: generated.adopted_from as string };
  const foreign =
    generated.generation_id !== task.generation_id || generated.workflow_id !== ended.workflow_id;
  const attempts = await attemptsOf(task, folder, deps);
  const last = attempts.findLast(({ attempt }) => attempt === generated.attempt) ?? null;
  const request = await folder.readRequest(generated.attempt);
  const { path, ...facts } = generated.image;
  const result: ResultRecord = {
    ...commonResult(ended, attempts),
    ...(last === null ? {} : bindingOf(last)),
    ok: !foreign,
    status: foreign ? 'orphan_late_output' : 'completed',
    stage: 'done',
    endpoint_origin: request?.endpoint_origin ?? null,
    output: path,
    image_path: path,
    ...facts,
    warnings: [...task.warnings, ...(last?.answer?.warnings ?? [])],
    ...sentPrompt(request),
    usage: last?.answer?.usage ?? null,
    ...(last?.answer?.revised_prompt ? { revised_prompt: last.answer.revised_prompt } : {}),
    request_id: last?.request_id ?? null,
    http_status: last?.http_status ?? null,
    error: foreign ? 'the image handed in belongs to another generation; it is evidence, not a result' : null,
  };
  return accepted(result, ended, last, { image: generated.image, inputRoots: deps.inputRoots() });
}

/** SPEC P1, on the file as it is now. */
async function accepted(
  result: ResultRecord,
  { task }: EndedTask,
  last: AttemptRecord | null,
  { image, inputRoots }: { image: GeneratedImage['image'] | null; inputRoots: readonly string[] | null },
): Promise<ResultRecord> {
  const picture = image === null ? null : await imageNow(image);
  const evidence: Evidence = {
    result,
    image: picture?.inspected ?? null,
    inputs: await referencesNow(task, inputRoots),
    lastAttempt: last,
    otherImages: new Set(last?.answer?.duplicate_of === undefined ? [] : [result.sha256 as string]),
  };
  const broken = brokenRules(evidence);
  const c2pa = picture === null ? {} : { has_c2pa: picture.hasC2pa };
  return { ...result, ...c2pa, acceptable: broken.length === 0, not_acceptable_because: broken };
}

/** The bytes `generateImage` decoded to the last pixel are not decoded again when they are still the same. */
async function imageNow({ path, ...facts }: GeneratedImage['image']): Promise<Picture | null> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null) return null;
  const inspected = sha256(bytes) === facts.sha256 ? { ...facts, decodes: true } : await inspectImage(bytes);
  return { inspected, hasC2pa: hasC2paMark(bytes) };
}

interface Picture {
  inspected: InspectedImage | null;
  hasC2pa: boolean;
}

async function failedResult(
  ended: EndedTask,
  folder: TaskFolder,
  { status, failure }: Exclude<TaskOutcome, { status: 'completed' }>,
  deps: ActivityDeps,
): Promise<ResultRecord> {
  const attempts = await attemptsOf(ended.task, folder, deps);
  const last = attempts.at(-1);
  const request = last === undefined ? null : await folder.readRequest(last.attempt);
  const { reason, retryable } = FAILURES[failure.category];
  return {
    ...commonResult(ended, attempts),
    ...(last === undefined ? {} : bindingOf(last)),
    ok: false,
    status,
    stage: 'failed',
    endpoint_origin: request?.endpoint_origin ?? null,
    ...sentPrompt(request),
    request_id: failure.provider_request_id ?? last?.request_id ?? null,
    http_status: failure.http_status ?? last?.http_status ?? null,
    error: failure.message,
    diagnosis: { category: failure.category, human_reason: reason, retryable },
    acceptable: false,
    not_acceptable_because: ['ok-true'],
  };
}

/** As the folder has them, once it has all that the spool of this host knows; of one without an end that is who sent it. */
async function attemptsOf(
  task: AdmittedTask,
  folder: TaskFolder,
  { spool }: Pick<ActivityDeps, 'spool'>,
): Promise<AttemptRecord[]> {
  const intents = (await recordSpooled(spool, folder, task)).map(({ intent }) => intent);
  return folder.readAttempts(intents.filter((intent) => intent !== null));
}

/** The fields that say what was ordered; the rest starts as "nothing there". */
function commonResult({ task, workflow_id, run_id }: EndedTask, attempts: AttemptRecord[]): ResultRecord {
  const { task_key, task_name, index, batch_id, batch_hash, provider, model, mode, input_images, size } =
    task;
  return {
    schema_version: SCHEMA_VERSION,
    ok: false,
    acceptable: false,
    not_acceptable_because: [],
    status: 'failed',
    stage: 'failed',
    task_key,
    task_name,
    index,
    batch_id,
    batch_hash,
    provider,
    endpoint_origin: null,
    model,
    mode,
    input_images,
    output: null,
    image_path: null,
    bytes: null,
    sha256: null,
    format: null,
    width: null,
    height: null,
    size,
    options: { ...task.options },
    warnings: task.warnings,
    prompt: task.prompt,
    prompt_sent: '',
    raw: task.raw,
    safety_rules: [],
    attempts_count: attempts.length,
    attempts,
    billing: billed(attempts, task.price),
    usage: null,
    request_id: null,
    generation_id: task.generation_id,
    request_fingerprint: task.request_fingerprint,
    workflow_id,
    run_id,
    worker_id: 'none',
    pid: 0,
    thread_id: 0,
    run_dir: task.run_dir,
    created_at: new Date().toISOString(),
    error: null,
    diagnosis: null,
    http_status: null,
  };
}

/** What really went out, as recorded before it did: this version's rules may be others (SPEC G6). */
function sentPrompt(
  request: AttemptRequest | null,
): Partial<Pick<ResultRecord, 'prompt_sent' | 'safety_rules'>> {
  if (request === null) return {};
  return { prompt_sent: request.prompt_sent, safety_rules: request.safety_rules ?? [] };
}

function bindingOf({ worker_id, pid, thread_id, run_id }: AttemptRecord) {
  return { worker_id, pid, thread_id, run_id };
}

function endState({ task, started_at_ms }: EndedTask, result: ResultRecord): TaskStateRecord {
  const now = Date.now();
  return {
    schema_version: SCHEMA_VERSION,
    status: result.status,
    task_key: task.task_key,
    attempt: result.attempts_count,
    max_attempts: task.max_attempts,
    started_at: new Date(started_at_ms).toISOString(),
    updated_at: new Date(now).toISOString(),
    elapsed_seconds: Math.max(0, Math.round((now - started_at_ms) / 1000)),
    output: result.image_path,
    last_error: result.error,
  };
}
