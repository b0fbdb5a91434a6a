/** What is special about a queue run (SPEC B3): its own settings, and that a task with a problem stops no other. */
import type { NormalizedBatch } from '../domain/batch.ts';
import { QUEUE_DEFAULTS, type QueueRequest, type QueueSettings } from '../domain/queue.ts';
import { TASK_LIMITS, type NormalizedTask } from '../domain/task.ts';
import type { Layer, ProblemList } from './layers.ts';
import type { IntakeContext } from './normalize.ts';
import { pathText, type Problem } from './problems.ts';
import { resolvePath } from './references.ts';

/** Null when the input has no block `queue`. What is wrong in it is in `problems` and reads as absent. */
export function queueSettings(
  flags: Layer,
  whole: Layer,
  problems: ProblemList,
  { defaults }: Pick<IntakeContext, 'defaults'>,
): QueueSettings | null {
  if (!Object.hasOwn(whole.raw, 'queue')) return null;
  const block = objectOf(whole.raw['queue']);
  const read = <Field extends keyof QueueRequest>(field: Field): QueueRequest[Field] | undefined =>
    problems.concerns([...whole.pathOf('queue'), field]) ? undefined : block[field];
  if (Object.hasOwn(whole.raw, 'queue_limit'))
    problems.add([{ path: whole.pathOf('queue_limit'), message: NO_QUEUE_LIMIT }]);
  return {
    state_dir: stateDir(read('state_dir'), whole, problems) ?? defaults?.queueDir ?? '',
    max_queue_size: read('max_queue_size') ?? QUEUE_DEFAULTS.max_queue_size,
    overflow_policy: read('overflow_policy') ?? QUEUE_DEFAULTS.overflow_policy,
    task_timeout_seconds: taskLimit([flags, whole], problems) ?? QUEUE_DEFAULTS.task_timeout_seconds,
  };
}

function stateDir(wish: string | undefined, whole: Layer, problems: ProblemList): string | undefined {
  if (wish === undefined) return undefined;
  const place = resolvePath(wish, whole.baseDir);
  if ('absolute' in place) return place.absolute;
  problems.add([{ path: [...whole.pathOf('queue'), 'state_dir'], message: place.message }]);
  return undefined;
}

function taskLimit(layers: readonly Layer[], problems: ProblemList): number | undefined {
  const layer = layers.find(({ raw }) => Object.hasOwn(raw, TASK_LIMIT));
  if (layer === undefined || problems.concerns(layer.pathOf(TASK_LIMIT))) return undefined;
  return layer.raw[TASK_LIMIT] as number;
}

const TASK_LIMIT = 'task_timeout_seconds';
const NO_QUEUE_LIMIT = 'is for a batch; a queue has "max_queue_size" in its block "queue"';

/** Where neither flag, task nor queue says anything: the task's limit is a request's too (SPEC G3). */
export function queueLayer({ task_timeout_seconds }: QueueSettings): Layer {
  const timeout_ms = Math.min(TASK_LIMITS.timeoutMs, Math.round(task_timeout_seconds * 1000));
  return { raw: { task_timeout_seconds, timeout_ms }, pathOf: (field) => [field], baseDir: null };
}

/** Tasks that may run or wait (SPEC B2, B3). */
export function capacityOf({
  queue,
  max_workers,
  queue_limit,
}: Pick<NormalizedBatch, 'queue' | 'max_workers' | 'queue_limit'>): number {
  return queue === null ? queue_limit : max_workers + queue.max_queue_size;
}

/** Problems of single tasks, by position from 0, and those that concern all of them. */
export function problemsByTask(
  problems: readonly Problem[],
  tasks: readonly NormalizedTask[],
): { ofTask: ReadonlyMap<number, Problem[]>; ofAll: Problem[] } {
  const ofTask = new Map<number, Problem[]>();
  const ofAll: Problem[] = [];
  for (const problem of problems) {
    const [holder, position] = problem.path;
    const isOfTask = holder === 'tasks' && typeof position === 'number' && position < tasks.length;
    if (isOfTask) ofTask.set(position, [...(ofTask.get(position) ?? []), problem]);
    else ofAll.push(problem);
  }
  return { ofTask, ofAll };
}

/** In one line: what is wrong with one task, its fields named as in its own object. */
export function taskProblemText(problems: readonly Problem[]): string {
  return problems
    .map(({ path, message }) => {
      const field = pathText(path.slice(2));
      return field === '' ? message : `${field} ${message}`;
    })
    .join('; ');
}

function objectOf(value: unknown): QueueRequest {
  return typeof value === 'object' && value !== null ? value : {};
}
