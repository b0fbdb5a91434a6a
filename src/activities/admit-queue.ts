/**
 * Admission of a queue run (SPEC B3): a task with a problem is rejected and the others run. The run takes its state
 * directory first, which no other one has meanwhile (F4).
 */
import { join } from 'node:path';
import { readBatchRequest } from '../artifacts/batch-folder.ts';
import { QueueFolder } from '../artifacts/queue-folder.ts';
import { writeCommandFile } from '../artifacts/order-file.ts';
import type { AdmissionOrder } from '../domain/activity-contract.ts';
import { type Admission, BATCH_LIMITS, type NormalizedBatch } from '../domain/batch.ts';
import type { PriceTable } from '../domain/cost.ts';
import { batchHash, keyProblem, shorten } from '../domain/ids.ts';
import { FILES, safeName, timestamp } from '../domain/layout.ts';
import type { QueueHead, QueueSettings } from '../domain/queue.ts';
import { endOf } from '../domain/rows.ts';
import { type InputImage, type NormalizedTask, orderOf } from '../domain/task.ts';
import { readBatch } from '../intake/normalize.ts';
import { unpricedProblems } from '../intake/priced.ts';
import type { Problem } from '../intake/problems.ts';
import { capacityOf, problemsByTask, taskProblemText } from '../intake/queue.ts';
import { capOf, inTurns, intake, recordAdmission } from './admission-record.ts';
import { admitOne, type Admitted, type Refusal, type WantedTask } from './admit-one.ts';
import { badInput } from './bad-input.ts';
import { checkWritable, hashReferences, type References } from './check-places.ts';
import { claimQueue } from './claim-queue.ts';
import type { ActivityDeps } from './deps.ts';
import { otherContent } from './other-content.ts';
import { queueRowOf } from './queue-rows.ts';
import { type Candidate, refusalsOf } from './refusals.ts';
import { sha256 } from './sha256.ts';

export function isQueue(input: unknown): boolean {
  return typeof input === 'object' && input !== null && Object.hasOwn(input, 'queue');
}

export async function admitQueue(
  deps: ActivityDeps,
  order: AdmissionOrder,
  input: unknown,
): Promise<Admission> {
  const { batch, queue, wishes, warnings, prices } = await checkedQueue(deps, order, input);
  const hash = batchHash(batch.tasks, sha256);
  const keys = wishes.map(({ taskKey }) => taskKey);
  const other = await otherContent(batch.tasks, keys, { batchId: order.workflow_id, hash });
  if (other.length > 0) throw badInput(other);
  const refusals = refusalsOf(wishes, overflowOf(batch, queue));
  const head = { ...headOf(order, batch, queue), batch_dir: await runFolder(queue.state_dir, order) };
  const running = wishes.filter((_, i) => refusals[i] === null);
  await checkWritable(deps, [queue.state_dir, ...running.map(({ task }) => task.output_dir)]);
  const folder = new QueueFolder(queue.state_dir, deps.redactLong);
  const found = await claimQueue(folder, head);

  const admitted = await inTurns(wishes, (wish, i) =>
    admitWish(
      deps,
      { order, head, hash, queue, adopts: !batch.again, prices },
      { ...wish, index: i + 1, refusal: refusals[i] ?? null },
    ),
  );
  const admission: Admission = {
    batch_id: order.workflow_id,
    batch_name: batch.batch_name,
    batch_hash: hash,
    batch_dir: head.batch_dir,
    max_workers: batch.max_workers,
    queue_limit: capacityOf(batch),
    on_provider_down: batch.on_provider_down,
    ...capOf(admitted, batch, prices),
    is_queue: true,
    total: batch.tasks.length,
    tasks: admitted.map(({ ticket }) => ticket),
    ended: admitted.flatMap(({ row }) => (row === null ? [] : endOf(row))),
    warnings: [...warnings(running.map(({ task }) => task)), ...found],
  };
  await recordAdmission(admission, admitted, {
    order,
    output_dir: batch.output_dir,
    queue: { ...head, state_dir: queue.state_dir },
  });
  await folder.admit(
    head,
    admitted.map((one) => queueRowOf(one, head)),
  );
  return admission;
}

/** A task as it was wished for: what could be read of it, and what is wrong with it. */
interface Wish extends Candidate {
  task: NormalizedTask;
  taskKey: string;
  input_images: InputImage[];
}

interface CheckedQueue {
  batch: Omit<NormalizedBatch, 'warnings'>;
  queue: QueueSettings;
  wishes: Wish[];
  warnings: (tasks: readonly NormalizedTask[]) => string[];
  prices: PriceTable | null;
}

/** Only what concerns all of its tasks refuses a queue as a whole. */
async function checkedQueue(
  deps: ActivityDeps,
  order: AdmissionOrder,
  input: unknown,
): Promise<CheckedQueue> {
  const { outputDir: _, queueOutputDir, ...defaults } = deps.defaults;
  const context = { ...intake(deps, 'queue'), defaults: { ...defaults, outputDir: queueOutputDir } };
  const { batch, problems, warningsOf } = readBatch(input, context);
  const references = await hashReferences(batch.tasks.slice(0, BATCH_LIMITS.tasksPerFile), deps.inputRoots());
  const { ofTask, ofAll } = problemsByTask([...problems, ...references.problems], batch.tasks);
  const idProblem = keyProblem(order.workflow_id, null);
  const prices = deps.prices();
  const tasks = batch.tasks.filter((_, i) => !ofTask.has(i));
  ofAll.push(...unpricedProblems({ ...batch, tasks }, prices));
  if (idProblem !== null) ofAll.push({ path: ['queue id'], message: idProblem });
  if (ofAll.length > 0 || batch.queue === null) throw badInput(ofAll);
  const wishes = batch.tasks.map((task, i) =>
    wishOf(task, ofTask.get(i) ?? [], order.workflow_id, references),
  );
  return { batch, queue: batch.queue, wishes, warnings: warningsOf, prices };
}

/** SPEC B5: a queue's key is the task's name when none is given. */
function wishOf(
  task: NormalizedTask,
  problems: readonly Problem[],
  queueId: string,
  references: References,
): Wish {
  const taskKey = task.task_key ?? shorten(task.task_name, sha256);
  const clash = keyProblem(taskKey, queueId);
  const all = clash === null ? problems : [...problems, { path: ['tasks', 0, 'task_key'], message: clash }];
  const isKeyRead = clash === null && !problems.some(({ path }) => KEY_FIELDS.has(path[2]));
  return {
    task,
    taskKey,
    key: isKeyRead ? taskKey : null,
    invalid: all.length === 0 ? null : taskProblemText(all),
    input_images: references.readable(task.input_images),
  };
}

/** Where a problem leaves open which key was meant; undefined: the task as a whole. */
const KEY_FIELDS: ReadonlySet<unknown> = new Set(['task_key', 'task_name', undefined]);

function overflowOf(batch: Omit<NormalizedBatch, 'warnings'>, { overflow_policy }: QueueSettings) {
  const limit = capacityOf(batch);
  const reason = `queue full: ${batch.max_workers} may run and ${limit - batch.max_workers} wait`;
  return { limit, reason, status: overflow_policy === 'discard' ? 'discarded' : 'rejected' } as const;
}

function headOf(
  order: AdmissionOrder,
  { max_workers }: Pick<NormalizedBatch, 'max_workers'>,
  { state_dir: _, ...settings }: QueueSettings,
): Omit<QueueHead, 'batch_dir'> {
  const { workflow_id, order_run_id, namespace, started_at_ms } = order;
  return {
    queue_id: workflow_id,
    order_run_id,
    namespace,
    started_at: new Date(started_at_ms).toISOString(),
    max_workers,
    ...settings,
  };
}

/** `runs/<queue id>`. A run under an id that ran before has one of its own beside it (SPEC H4). */
async function runFolder(stateDir: string, { workflow_id, order_run_id }: AdmissionOrder): Promise<string> {
  const folder = join(stateDir, FILES.queueRuns, safeName(workflow_id, sha256));
  const before = await readBatchRequest(folder);
  const isOwn = before === null || before.order_run_id === order_run_id;
  return isOwn ? folder : `${folder}-${sha256(order_run_id).slice(0, 6)}`;
}

interface QueueOrder {
  order: AdmissionOrder;
  head: QueueHead;
  hash: string;
  queue: QueueSettings;
  /** True: proven results of an earlier run under the same id count (SPEC B6). */
  adopts: boolean;
  prices: PriceTable | null;
}

async function admitWish(
  deps: ActivityDeps,
  { order, head, hash, queue, adopts, prices }: QueueOrder,
  { task, taskKey, input_images, index, refusal }: Wish & { index: number; refusal: Refusal | null },
): Promise<Admitted> {
  const { task_key: _, input_images: __, ...wish } = task;
  const task_id = taskId(order, index, taskKey);
  const { queue_id, batch_dir } = head;
  const wanted: WantedTask = {
    ...wish,
    index,
    batch_id: queue_id,
    batch_hash: hash,
    run_dir: join(queue.state_dir, FILES.queueTaskFolders, task_id),
    warnings: [],
    task_key: taskKey,
    input_images,
    queue: { state_dir: queue.state_dir, queue_id, task_id },
  };
  const order_file = `../../${FILES.queueTaskFolders}/${task_id}/${FILES.task}`;
  const place = { batch_dir, order_file };
  const admitted = await admitOne(deps, order, { wanted, place }, { refusal, adopts, prices });
  if (admitted.row === null)
    await writeCommandFile(place, orderOf(admitted.ticket, batch_dir), deps.redactLong);
  return admitted;
}

/** SPEC F4. The ten hex digits come from the order, so that admission can be repeated. */
function taskId({ order_run_id, started_at_ms }: AdmissionOrder, index: number, taskKey: string): string {
  const unique = sha256([order_run_id, String(index), taskKey].join('\0')).slice(0, 10);
  return `t-${timestamp(started_at_ms)}-${unique}`;
}
