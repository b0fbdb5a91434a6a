/**
 * Admission (SPEC B2, B5, B6): everything is checked before anything is sent, all problems at once; then each task is
 * queued, adopted, skipped or rejected. The only place where a raw order becomes tasks.
 */
import { join } from 'node:path';
import { reserveRunFolder } from '../artifacts/batch-folder.ts';
import type { AdmissionOrder, ImageActivities } from '../domain/activity-contract.ts';
import { type Admission, BATCH_LIMITS, type NormalizedBatch } from '../domain/batch.ts';
import type { PriceTable } from '../domain/cost.ts';
import { batchHash, keyProblem, taskKeys } from '../domain/ids.ts';
import { FILES, safeName, taskFolder, timestamp } from '../domain/layout.ts';
import { packAdmission } from '../domain/packed-admission.ts';
import { endOf } from '../domain/rows.ts';
import { normalizeBatch, normalizeTask } from '../intake/normalize.ts';
import type { Problem } from '../intake/problems.ts';
import { unpricedProblems } from '../intake/priced.ts';
import { isRetry } from '../intake/retry.ts';
import { capOf, inTurns, intake, recordAdmission } from './admission-record.ts';
import { admitOne, generationOf, type WantedTask } from './admit-one.ts';
import { admitQueue, isQueue } from './admit-queue.ts';
import { admitRetry } from './admit-retry.ts';
import { badInput } from './bad-input.ts';
import { checkWritable, hashReferences, type References } from './check-places.ts';
import type { ActivityDeps } from './deps.ts';
import { otherContent } from './other-content.ts';
import { refusalsOf } from './refusals.ts';
import { sha256 } from './sha256.ts';
import { inputOf } from './workflow-input.ts';

export function createAdmitTasks(deps: ActivityDeps): ImageActivities['admitTasks'] {
  return async (order) =>
    packAdmission(await (order.kind === 'batch' ? admitBatch(deps, order) : admitAlone(deps, order)));
}

async function admitBatch(deps: ActivityDeps, order: AdmissionOrder): Promise<Admission> {
  const batchId = order.workflow_id;
  const input = await inputOf(order);
  if (isRetry(input)) return admitRetry(deps, order, input);
  if (isQueue(input)) return admitQueue(deps, order, input);
  const { batch, keys, hash, references, prices } = await checkedBatch(deps, order, input);
  const batchDir = batchFolder(deps, order, batch);
  const refusals = refusalsOf(
    keys.map((key) => ({ key, invalid: null })),
    { limit: batch.queue_limit, status: 'rejected', reason: `over the queue limit of ${batch.queue_limit}` },
  );
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
    return admitOne(
      deps,
      order,
      { wanted, place },
      { refusal: refusals[i] ?? null, adopts: !batch.again, prices },
    );
  });
  const admission: Admission = {
    batch_id: batchId,
    batch_name: batch.batch_name,
    batch_hash: hash,
    batch_dir: batchDir,
    max_workers: batch.max_workers,
    queue_limit: batch.queue_limit,
    on_provider_down: batch.on_provider_down,
    ...capOf(admitted, batch, prices),
    total: batch.tasks.length,
    tasks: admitted.map(({ ticket }) => ticket),
    ended: admitted.flatMap(({ row }) => (row === null ? [] : endOf(row))),
    warnings: batch.warnings,
  };
  await recordAdmission(admission, admitted, { order, output_dir: batch.output_dir });
  return admission;
}

interface CheckedBatch {
  batch: NormalizedBatch;
  keys: string[];
  hash: string;
  references: References;
  prices: PriceTable | null;
}

/** First what is wrong with its fields and references, then what only a batch without such problems can be asked. */
async function checkedBatch(
  deps: ActivityDeps,
  order: AdmissionOrder,
  input: unknown,
): Promise<CheckedBatch> {
  const batchId = order.workflow_id;
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
  const prices = deps.prices();
  refuse(unpricedProblems(batch, prices));
  const hash = batchHash(batch.tasks, sha256);
  refuse(await otherContent(batch.tasks, keys, { batchId, hash }));
  return { batch, keys, hash, references, prices };
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
  const { ticket, row } = await admitOne(
    deps,
    order,
    { wanted, place },
    { refusal: null, adopts: resume, prices: deps.prices() },
  );
  return {
    batch_id: null,
    batch_name: task.task_name,
    batch_hash: null,
    batch_dir: run_dir,
    max_workers: 1,
    queue_limit: 1,
    // There is nothing left to pause.
    on_provider_down: 'fail',
    total: 1,
    tasks: [ticket],
    ended: row === null ? [] : [row],
    warnings,
  };
}

/** SPEC F3. The six hex digits come from the order, so that a reset of the batch goes on in its folder. */
function batchFolder(deps: ActivityDeps, order: AdmissionOrder, batch: NormalizedBatch): string {
  const root = deps.defaults.batchRoot ?? join(batch.output_dir, FILES.batches);
  const unique = sha256(order.order_run_id).slice(0, 6);
  return join(root, `${safeName(batch.batch_name, sha256)}-${timestamp(order.started_at_ms)}-${unique}`);
}

function problemIf(path: Problem['path'], message: string | null): Problem[] {
  return message === null ? [] : [{ path, message }];
}

function refuse(problems: Problem[]): void {
  if (problems.length > 0) throw badInput(problems);
}
