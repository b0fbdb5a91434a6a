/**
 * Admission (SPEC B2, B5, B6): everything is checked before anything is sent, all problems at once; then each task is
 * queued, adopted, skipped or rejected. The only place where a raw order becomes tasks.
 */
import { dirname, join } from 'node:path';
import { reserveRunFolder, writeBatchRequest } from '../artifacts/batch-folder.ts';
import type { AdmissionOrder, ImageActivities } from '../domain/activity-contract.ts';
import { type Admission, BATCH_LIMITS, type NormalizedBatch } from '../domain/batch.ts';
import { batchHash, keyProblem, provesOtherContent, taskKeys } from '../domain/ids.ts';
import { FILES, safeName, taskFolder, timestamp } from '../domain/layout.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import { endOf } from '../domain/rows.ts';
import { type IntakeContext, normalizeBatch, normalizeTask } from '../intake/normalize.ts';
import type { Problem } from '../intake/problems.ts';
import { isRetry } from '../intake/retry.ts';
import { admitOne, generationOf, type Refusal, type WantedTask } from './admit-one.ts';
import { readProofIndex } from './adopt.ts';
import { admitRetry } from './admit-retry.ts';
import { badInput } from './bad-input.ts';
import { checkWritable, hashReferences } from './check-places.ts';
import type { ActivityDeps } from './deps.ts';
import { sha256 } from './sha256.ts';
import { inputOf } from './workflow-input.ts';

export function createAdmitTasks(deps: ActivityDeps): ImageActivities['admitTasks'] {
  return (order) => (order.kind === 'batch' ? admitBatch(deps, order) : admitAlone(deps, order));
}

async function admitBatch(deps: ActivityDeps, order: AdmissionOrder): Promise<Admission> {
  const batchId = order.workflow_id;
  const input = await inputOf(order);
  if (isRetry(input)) return admitRetry(deps, order, input);
  const normalized = normalizeBatch(input, intake(deps, 'batch'));
  const tasks = 'problems' in normalized ? normalized.tasks : normalized.batch.tasks;
  const keys = taskKeys(batchId, tasks, sha256);
  const references = await hashReferences(tasks.slice(0, BATCH_LIMITS.tasksPerFile), deps.inputRoots());
  const problems = [
    ...('problems' in normalized ? normalized.problems : []),
    ...problemIf(['batch id'], keyProblem(batchId, null)),
    ...keys.flatMap((key, i) => problemIf(['tasks', i, 'task_key'], keyProblem(key, batchId))),
    ...references.problems,
  ];
  if ('problems' in normalized || problems.length > 0) throw badInput(problems);
  const { batch } = normalized;
  const hash = batchHash(batch.tasks, sha256);
  refuse(await otherContent(batch, keys, batchId, hash));
  const batchDir = batchFolder(deps, order, batch);
  const refusals = refusalsOf(keys, batch.queue_limit);
  await checkWritable(deps, [batchDir, ...batch.tasks.map((task) => task.output_dir)]);

  const admitted = await inTurns(batch.tasks, (task, i) => {
    const folder = taskFolder(i + 1, batch.tasks.length, safeName(task.task_name, sha256));
    const { task_key: _, input_images: paths, ...wish } = task;
    const wanted: WantedTask = {
      ...wish,
      index: i + 1,
      batch_id: batchId,
      batch_hash: hash,
      run_dir: join(batchDir, folder),
      warnings: [],
      task_key: keys[i] as string,
      input_images: paths.map((path) => references.of(path)),
    };
    const place = { batch_dir: batchDir, order_file: `${folder}/${FILES.batchTask}` };
    return admitOne(deps, order, { wanted, place }, { refusal: refusals[i] ?? null, adopts: !batch.again });
  });
  const admission: Admission = {
    batch_id: batchId,
    batch_name: batch.batch_name,
    batch_hash: hash,
    batch_dir: batchDir,
    max_workers: batch.max_workers,
    queue_limit: batch.queue_limit,
    total: batch.tasks.length,
    tasks: admitted.map(({ ticket }) => ticket),
    ended: admitted.flatMap(({ row }) => (row === null ? [] : endOf(row))),
    warnings: batch.warnings,
  };
  await recordAdmission(admission, order, batch);
  return admission;
}

/** A task started alone is a batch of one without a batch: no index row of a batch, a folder under `_runs`. */
async function admitAlone(deps: ActivityDeps, order: AdmissionOrder): Promise<Admission> {
  const normalized = normalizeTask(await inputOf(order), intake(deps, 'task'));
  const { task_key: given, input_images: paths } = normalized.task;
  const references = await hashReferences([normalized.task], deps.inputRoots());
  const otherKey = given !== undefined && given !== order.workflow_id;
  const problems = [
    ...('problems' in normalized ? normalized.problems : []),
    ...problemIf(
      ['task_key'],
      otherKey ? `must equal the workflow id "${order.workflow_id}", or be left out` : null,
    ),
    ...problemIf(['workflow id'], keyProblem(order.workflow_id, null)),
    ...references.problems,
  ];
  if ('problems' in normalized || problems.length > 0) throw badInput(problems);
  const { task, warnings } = normalized;
  await checkWritable(deps, [task.output_dir]);
  const { resume, task_key: _, input_images: __, ...wish } = task;
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
    input_images: paths.map((path) => references.of(path)),
  };
  const place = { batch_dir: run_dir, order_file: FILES.task };
  const { ticket, row } = await admitOne(deps, order, { wanted, place }, { refusal: null, adopts: resume });
  return {
    batch_id: null,
    batch_name: task.task_name,
    batch_hash: null,
    batch_dir: run_dir,
    max_workers: 1,
    queue_limit: 1,
    total: 1,
    tasks: [ticket],
    ended: row === null ? [] : [row],
    warnings,
  };
}

/** Where nothing is said the worker's settings count; a relative path means nothing here (SPEC H3). */
function intake({ defaults, allowMock }: ActivityDeps, batchName: string): IntakeContext {
  return { baseDir: null, defaults, overrides: {}, allowMock, batchName };
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
  const { tasks, ended, batch_dir, max_workers, queue_limit, total, warnings, batch_name } = admission;
  const ends = new Map(ended.map((end) => [end.index, end.status]));
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
    tasks: tasks.map(({ index, task_key, task_name, order_file }) => ({
      index,
      task_key,
      task_name,
      run_dir: join(batch_dir, dirname(order_file)),
      order_file,
      status: ends.get(index) ?? 'queued',
    })),
  });
}

/** Admission waits for the disk, task after task: a few at a time share its fsyncs. */
const AT_A_TIME = 8;

async function inTurns<Item, Result>(
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

function problemIf(path: Problem['path'], message: string | null): Problem[] {
  return message === null ? [] : [{ path, message }];
}

function refuse(problems: Problem[]): void {
  if (problems.length > 0) throw badInput(problems);
}
