/**
 * From what a person wrote to tasks with every default filled and every path absolute (SPEC G1–G4, G7, B1, B2, H3).
 * All problems at once. The client does it for its messages, the worker again: other clients exist (DESIGN 2.1).
 */
import { BATCH_LIMITS, type BatchRequest, clampWorkers, type NormalizedBatch } from '../domain/batch.ts';
import { amountMicros } from '../domain/cost.ts';
import { ON_PROVIDER_DOWN_DEFAULTS } from '../domain/provider-down.ts';
import type { NormalizedTask, TaskRequest } from '../domain/task.ts';
import { buildTask } from './build-task.ts';
import { schemaProblems } from './issues.ts';
import { type Layer, LayeredTask, ProblemList } from './layers.ts';
import type { Problem } from './problems.ts';
import { capacityOf, queueLayer, queueSettings } from './queue.ts';
import { resolvePath } from './references.ts';
import { safetyWarnings } from './safety.ts';
import { batchRequestSchema, overridesSchema, taskRequestSchema } from './schema.ts';

/** Command-line flags as fields; each wins over the field of that name in the input (SPEC G3). */
type Overrides = Partial<Omit<TaskRequest, '$schema'> & Omit<BatchRequest, 'tasks' | '$schema'>>;

export interface IntakeContext {
  /** Folder that relative paths of the input mean; null: absolute paths only (SPEC H3). */
  baseDir: string | null;
  /** The same for paths in `overrides`. Default: `baseDir`. */
  overridesDir?: string;
  /**
   * Where neither flag nor input says anything: environment, then config (SPEC G3). `outputDir` is absolute. Null: they are
   * a worker's elsewhere (SPEC C6), so that nothing is checked against them; what is filled in then is for the hash only.
   */
  defaults: { provider?: string; model?: string; outputDir: string; queueDir?: string } | null;
  overrides: Overrides;
  /** Whether mock tasks are taken: the worker's setting, true where it decides elsewhere (SPEC M). */
  allowMock: boolean;
  /** Used when the input has no `batch_name` (SPEC H4). */
  batchName: string;
}

/** With problems it gives the tasks as far as they could be read, so that their references can be checked as well. */
export function normalizeBatch(
  value: unknown,
  context: IntakeContext,
): { batch: NormalizedBatch } | { problems: Problem[]; tasks: NormalizedTask[] } {
  const { batch, problems, warningsOf } = readBatch(value, context);
  if (problems.length > 0) return { problems, tasks: batch.tasks };
  return { batch: { ...batch, warnings: warningsOf(batch.tasks) } };
}

/** As far as it can be read, with everything that is wrong. `warningsOf`: what is to be said when these tasks run. */
export function readBatch(
  value: unknown,
  context: IntakeContext,
): {
  batch: Omit<NormalizedBatch, 'warnings'>;
  problems: Problem[];
  warningsOf: (tasks: readonly NormalizedTask[]) => string[];
} {
  const problems = new ProblemList();
  problems.add(schemaProblems(batchRequestSchema, value, 'batch'));
  const flags = overridesLayer(context, problems);
  const whole: Layer = { raw: objectOf(value), pathOf: (field) => [field], baseDir: context.baseDir };
  const queue = queueSettings(flags, whole, problems, context);
  const beneath = queue === null ? [] : [queueLayer(queue)];
  const batchWide = new LayeredTask([flags, whole], problems);
  const entries = listOf(whole.raw['tasks']);
  const tasks = entries.map((entry, i) => {
    const own: Layer = {
      raw: objectOf(entry),
      pathOf: (field) => ['tasks', i, field],
      baseDir: context.baseDir,
    };
    if (own.raw['resume'] === true) problems.add([{ path: own.pathOf('resume'), message: RESUME_IN_BATCH }]);
    const task = new LayeredTask([flags, own, whole, ...beneath], problems);
    const { defaults, allowMock } = context;
    return buildTask(task, { defaultName: defaultTaskName(i), defaults, allowMock, problems });
  });
  const batch = {
    ...batchFields(flags, whole, problems, context),
    output_dir: outputDir(batchWide, context, problems),
    queue,
    tasks,
  };
  const running = Math.min(tasks.length, capacityOf(batch));
  if (running > BATCH_LIMITS.tasksPerRun) {
    const message = `${running} tasks; this version runs at most ${BATCH_LIMITS.tasksPerRun} per batch: split the file`;
    problems.add([{ path: ['tasks'], message }]);
  }
  if (tasks.length > BATCH_LIMITS.tasksPerFile) {
    const message = `${tasks.length} tasks; this version takes at most ${BATCH_LIMITS.tasksPerFile} in one file: split it`;
    problems.add([{ path: ['tasks'], message }]);
  }
  const warningsOf = (admitted: readonly NormalizedTask[]) => [
    ...workerWarnings(flags, whole),
    ...deliveryWarnings([flags, whole, ...entries.map(rawLayer)]),
    ...safetyWarnings(admitted),
  ];
  return { batch, problems: problems.all, warningsOf };
}

/** A task that is started alone. Its default name is `image` (SPEC H4). With problems: the task as far as it could be read. */
export function normalizeTask(
  value: unknown,
  context: IntakeContext,
):
  | { task: NormalizedTask & { resume: boolean }; warnings: string[] }
  | { problems: Problem[]; task: NormalizedTask } {
  const problems = new ProblemList();
  const flags = overridesLayer(context, problems);
  const own: Layer = { raw: objectOf(value), pathOf: (field) => [field], baseDir: context.baseDir };
  const isPromptByFlag = typeof value === 'object' && value !== null && Object.hasOwn(flags.raw, 'prompt');
  problems.add(
    schemaProblems(taskRequestSchema, value, 'task').filter(
      ({ path }) => !(isPromptByFlag && path[0] === 'prompt'),
    ),
  );
  const task = new LayeredTask([flags, own], problems);
  const { defaults, allowMock } = context;
  const built = buildTask(task, { defaultName: 'image', defaults, allowMock, problems });
  if (problems.all.length > 0) return { problems: problems.all, task: built };
  return {
    task: { ...built, resume: task.get('resume') ?? false },
    warnings: [...deliveryWarnings([flags, own]), ...safetyWarnings([built])],
  };
}

const RESUME_IN_BATCH = 'is for a task that is started alone; a batch adopts proven results by itself';

function defaultTaskName(position: number): string {
  return `task-${String(position + 1).padStart(2, '0')}`;
}

function overridesLayer(context: IntakeContext, problems: ProblemList): Layer {
  const raw = Object.fromEntries(
    Object.entries(context.overrides).filter(([, value]) => value !== undefined),
  );
  const pathOf = (field: string) => [`--${field.replaceAll('_', '-')}`];
  problems.add(
    schemaProblems(overridesSchema, raw, 'task').map(({ path: [field, ...rest], message }) => ({
      path: [...pathOf(String(field)), ...rest],
      message,
    })),
  );
  return { raw, pathOf, baseDir: context.overridesDir ?? context.baseDir };
}

/** What concerns the batch only. Invalid values are in `problems` already and read as absent. */
function batchFields(flags: Layer, whole: Layer, problems: ProblemList, context: IntakeContext) {
  const read = <Field extends keyof BatchRequest>(field: Field): BatchRequest[Field] | undefined => {
    const layer = [flags, whole].find(({ raw }) => Object.hasOwn(raw, field));
    if (layer === undefined || problems.concerns(layer.pathOf(field))) return undefined;
    return layer.raw[field] as BatchRequest[Field];
  };
  const kind = Object.hasOwn(whole.raw, 'queue') ? 'queue' : 'batch';
  return {
    batch_name: read('batch_name') ?? context.batchName,
    max_workers: clampWorkers(read('max_workers')),
    queue_limit: read('queue_limit') ?? BATCH_LIMITS.queueDefault,
    // A queue orders anew by default (SPEC B6).
    again: read('again') ?? kind === 'queue',
    on_provider_down: read('on_provider_down') ?? ON_PROVIDER_DOWN_DEFAULTS[kind],
    max_cost_micros: amountMicros(read('max_cost')),
  };
}

function outputDir(batchWide: LayeredTask, { defaults }: IntakeContext, problems: ProblemList): string {
  const byDefault = defaults?.outputDir ?? '';
  const wish = batchWide.find('output_dir');
  if (wish === undefined) return byDefault;
  const place = resolvePath(wish.value, wish.baseDir);
  if ('absolute' in place) return place.absolute;
  problems.add([{ path: wish.path, message: place.message }]);
  return byDefault;
}

/** SPEC B1: clamped, and said so. */
function workerWarnings(...layers: Layer[]): string[] {
  const wished = layers.find(({ raw }) => Object.hasOwn(raw, 'max_workers'))?.raw['max_workers'] as
    | number
    | undefined;
  const used = clampWorkers(wished);
  if (wished === undefined || wished === used) return [];
  const limit = wished > used ? `over the limit of ${used}` : `below the minimum of ${used}`;
  return [
    `max_workers: ${wished} is ${limit}; ${used} ${used === 1 ? 'image is' : 'images are'} made at a time`,
  ];
}

/** SPEC G7. */
function deliveryWarnings(layers: readonly Pick<Layer, 'raw'>[]): string[] {
  const wantsDelivery = layers.some(({ raw }) => raw['send_to_feishu'] === true);
  return wantsDelivery ? ['send_to_feishu: nothing is sent; delivering the images is up to the caller'] : [];
}

function rawLayer(value: unknown): Pick<Layer, 'raw'> {
  return { raw: objectOf(value) };
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
