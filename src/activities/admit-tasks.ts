/**
 * Admission (SPEC B2, B5, B6): everything is checked before anything is sent, all problems at once; then each task is
 * queued, adopted, skipped or rejected. The only place where a raw order becomes tasks.
 */
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { reserveRunFolder, writeBatchRequest } from '../artifacts/batch-folder.ts';
import type { AdmissionOrder, ImageActivities } from '../domain/activity-contract.ts';
import type { Admission, NormalizedBatch } from '../domain/batch.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { batchHash, keyProblem, provesOtherContent, taskKeys } from '../domain/ids.ts';
import { FILES, safeName, taskFolder, timestamp } from '../domain/layout.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import { normalizeBatch, normalizeTask } from '../intake/normalize.ts';
import { pathText, type Problem } from '../intake/problems.ts';
import { type Admitted, admitOne, generationOf, type Refusal } from './admit-one.ts';
import { readProofIndex } from './adopt.ts';
import { checkPlaces, hashReferences } from './check-places.ts';
import type { ActivityDeps } from './deps.ts';
import { sha256 } from './sha256.ts';

export function createAdmitTasks(deps: ActivityDeps): ImageActivities['admitTasks'] {
  return (order) => (order.kind === 'batch' ? admitBatch(deps, order) : admitAlone(deps, order));
}

async function admitBatch(deps: ActivityDeps, order: AdmissionOrder): Promise<Admission> {
  const batchId = order.workflow_id;
  const batch = normalizedBatch(deps, order);
  const keys = taskKeys(batchId, batch.tasks, sha256);
  const references = await hashReferences(batch.tasks, deps.inputRoots());
  refuse([
    ...keys.flatMap((key, i) => problemIf(['tasks', i, 'task_key'], keyProblem(key, batchId))),
    ...references.problems,
  ]);
  const hash = batchHash(batch.tasks, sha256);
  refuse(await otherContent(batch, keys, batchId, hash));
  const batchDir = batchFolder(deps, order, batch);
  await checkWritable(deps, [batchDir, ...batch.tasks.map((task) => task.output_dir)]);

  const refusals = refusalsOf(keys, batch.queue_limit);
  const admitted: Admitted[] = [];
  for (const [i, task] of batch.tasks.entries()) {
    const folder = taskFolder(i + 1, batch.tasks.length, safeName(task.task_name, sha256));
    const { task_key: _, input_images, ...wish } = task;
    const place = {
      index: i + 1,
      batch_id: batchId,
      batch_hash: hash,
      run_dir: join(batchDir, folder),
      warnings: [],
    };
    const wanted = {
      ...wish,
      ...place,
      task_key: keys[i] as string,
      input_images: input_images.map((path) => references.of(path)),
    };
    admitted.push(
      await admitOne(deps, order, wanted, { refusal: refusals[i] ?? null, adopts: !batch.again }),
    );
  }
  const admission: Admission = {
    batch_id: batchId,
    batch_name: batch.batch_name,
    batch_hash: hash,
    batch_dir: batchDir,
    max_workers: batch.max_workers,
    queue_limit: batch.queue_limit,
    total: batch.tasks.length,
    tasks: admitted.flatMap(({ task }) => task ?? []),
    rows: admitted.flatMap(({ row }) => row ?? []),
    warnings: batch.warnings,
  };
  await recordAdmission(admission, order, batch);
  return admission;
}

/** A task started alone is a batch of one without a batch: no index row of a batch, a folder under `_runs`. */
async function admitAlone(deps: ActivityDeps, order: AdmissionOrder): Promise<Admission> {
  const normalized = normalizeTask(order.request, {
    baseDir: null,
    defaults: deps.defaults,
    overrides: {},
    batchName: 'task',
  });
  if ('problems' in normalized) throw badInput(normalized.problems);
  const { task, warnings } = normalized;
  const references = await hashReferences([task], deps.inputRoots());
  const otherKey = task.task_key !== undefined && task.task_key !== order.workflow_id;
  refuse([
    ...problemIf(
      ['task_key'],
      otherKey ? `must equal the workflow id "${order.workflow_id}", or be left out` : null,
    ),
    ...problemIf(['task_key'], keyProblem(order.workflow_id, null)),
    ...references.problems,
  ]);
  await checkWritable(deps, [task.output_dir]);
  const { resume, task_key: __, input_images, ...wish } = task;
  const name = `${safeName(task.task_name, sha256)}-${timestamp(order.started_at_ms)}`;
  const generationId = generationOf(order, order.workflow_id);
  const run_dir = await reserveRunFolder(join(task.output_dir, FILES.runs, name), generationId);
  const wanted = {
    ...wish,
    index: 1,
    batch_id: null,
    batch_hash: null,
    run_dir,
    warnings,
    task_key: order.workflow_id,
    input_images: input_images.map((path) => references.of(path)),
  };
  const { task: queued, row } = await admitOne(deps, order, wanted, { refusal: null, adopts: resume });
  return {
    batch_id: null,
    batch_name: task.task_name,
    batch_hash: null,
    batch_dir: run_dir,
    max_workers: 1,
    queue_limit: 1,
    total: 1,
    tasks: queued ? [queued] : [],
    rows: row ? [row] : [],
    warnings,
  };
}

function normalizedBatch(deps: ActivityDeps, order: AdmissionOrder): NormalizedBatch {
  const context = { baseDir: null, defaults: deps.defaults, overrides: {}, batchName: 'batch' };
  const normalized = normalizeBatch(order.request, context);
  if ('problems' in normalized) throw badInput(normalized.problems);
  return normalized.batch;
}

/** SPEC B6: a batch id stands for one content, also when only the proof index still knows it. */
async function otherContent(
  batch: NormalizedBatch,
  keys: string[],
  batchId: string,
  hash: string,
): Promise<Problem[]> {
  for (const [i, { output_dir }] of batch.tasks.entries()) {
    const row = await readProofIndex({ output_dir, batch_id: batchId, task_key: keys[i] as string });
    if (!provesOtherContent(row, batchId, hash)) continue;
    return [
      {
        path: [],
        message: `the batch id "${batchId}" was used for other content; choose another one, or none`,
      },
    ];
  }
  return [];
}

/** SPEC B2, B5: the first of equal keys counts, later ones are skipped; what is over the limit is rejected, never dropped. */
function refusalsOf(keys: readonly string[], queueLimit: number): (Refusal | null)[] {
  const first = new Map<string, number>();
  return keys.map((key, i) => {
    const before = first.get(key);
    if (before !== undefined)
      return { status: 'skipped', reason: `task_key "${key}" is already used by task ${before}` };
    first.set(key, i + 1);
    return first.size > queueLimit
      ? { status: 'rejected', reason: `over the queue limit of ${queueLimit}` }
      : null;
  });
}

/** SPEC F3. The six hex digits come from the order, so that a reset of the batch goes on in its folder. */
function batchFolder(deps: ActivityDeps, order: AdmissionOrder, batch: NormalizedBatch): string {
  const root = deps.defaults.batchRoot ?? join(batch.output_dir, FILES.batches);
  const unique = sha256(order.order_run_id).slice(0, 6);
  return join(root, `${safeName(batch.batch_name, sha256)}-${timestamp(order.started_at_ms)}-${unique}`);
}

async function recordAdmission(
  admission: Admission,
  order: AdmissionOrder,
  batch: NormalizedBatch,
): Promise<void> {
  const { tasks, rows, batch_dir, max_workers, queue_limit, total, warnings, batch_name } = admission;
  const entries = [...tasks.map((task) => ({ ...task, status: 'queued' as const })), ...rows];
  entries.sort((a, b) => a.index - b.index);
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
    output_dir: batch.output_dir,
    total,
    warnings,
    tasks: entries.map(({ index, task_key, task_name, run_dir, status }) => ({
      index,
      task_key,
      task_name,
      run_dir,
      status,
    })),
  });
}

async function checkWritable(deps: ActivityDeps, folders: string[]): Promise<void> {
  const problem = await checkPlaces(folders, deps.outputRoots());
  if (problem !== null) throw ApplicationFailure.nonRetryable(problem, FAILURE_TYPES.environment);
}

function problemIf(path: Problem['path'], message: string | null): Problem[] {
  return message === null ? [] : [{ path, message }];
}

function refuse(problems: Problem[]): void {
  if (problems.length > 0) throw badInput(problems);
}

/** Ends the workflow as Failed with every problem in the message (SPEC T1); nothing was sent. */
function badInput(problems: Problem[]): ApplicationFailure {
  const lines = problems.map(({ path, message }) => `${pathText(path) || 'input'}: ${message}`);
  const text = `${problems.length} problem(s), nothing was sent:\n${lines.join('\n')}`;
  return ApplicationFailure.nonRetryable(text, FAILURE_TYPES.badInput, problems);
}
