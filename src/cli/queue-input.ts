/** What `imgproof queue run` was given, as an order (SPEC B3): a task with a problem is told and rejected, not refused. */
import { resolve } from 'node:path';
import type { Settings } from '../config.ts';
import type { BatchRequest, NormalizedBatch } from '../domain/batch.ts';
import type { NormalizedTask, TaskRequest } from '../domain/task.ts';
import { type IntakeContext, readBatch } from '../intake/normalize.ts';
import { parseJson } from '../intake/parse.ts';
import { unpricedProblems } from '../intake/priced.ts';
import type { Problem } from '../intake/problems.ts';
import { problemsByTask } from '../intake/queue.ts';
import { withAbsolutePaths } from '../intake/references.ts';
import { batchAsWritten, ELSEWHERE, modelsWritten } from './as-written.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { providerDownOverride, requestOverrides, taskOfFlags } from './flags.ts';
import { type InputText, readInput } from './input.ts';
import { costField, referenceProblems, taskRequestOf, workerHere } from './order.ts';
import type { QueueRunFlags } from './order-queue.ts';
import { say, sayLines } from './output.ts';
import { problemLines, problemsSentence } from './problem-screen.ts';
import { lookOf } from './terminal.ts';
import { counted } from './words.ts';

export interface CheckedQueue {
  batch: NormalizedBatch;
  request: BatchRequest;
  /** The same without what will be rejected. */
  runnableRequest: BatchRequest;
  /** Tasks without a problem of their own. */
  runnable: NormalizedTask[];
  models: string;
}

/** @throws CommandProblem for what concerns the order as a whole */
export async function checkedQueue(
  settings: Settings,
  argument: string | undefined,
  flags: QueueRunFlags,
  embedded: boolean,
): Promise<CheckedQueue> {
  const { input, value: written, locate } = readTasks(argument, flags);
  const value = withQueue(written, flags, settings, embedded);
  const overrides = overridesOf(flags);
  const place = embedded
    ? { ...queuesHere(settings), baseDir: input.baseDir, overridesDir: process.cwd() }
    : ELSEWHERE;
  const { batch, problems, warningsOf } = readBatch(value, { ...place, overrides, batchName: 'queue' });
  const references = embedded
    ? await referenceProblems(settings, batch.tasks, (i) => ['tasks', i], flags)
    : [];
  const { ofTask, ofAll } = problemsByTask([...problems, ...references], batch.tasks);
  const runnable = batch.tasks.filter((_, i) => !ofTask.has(i));
  if (embedded) ofAll.push(...unpricedProblems({ ...batch, tasks: runnable }, settings.prices));
  const named = (list: Problem[]) => list.map((problem) => ({ ...locate(problem.path), ...problem }));
  if (ofAll.length > 0) throw badInput(named(ofAll), input, batch.tasks.length);
  const rejected = [...ofTask.values()].flat();
  if (rejected.length > 0) tellRejected(named(rejected), ofTask.size, input);
  const isRejected = (i: number) => ofTask.has(i);
  const request = embedded
    ? requestOf(batch, { value, baseDir: input.baseDir, isRejected })
    : batchAsWritten(value, overrides, batch.batch_name);
  const runnableRequest = { ...request, tasks: request.tasks.filter((_, i) => !isRejected(i)) };
  return {
    batch: { ...batch, warnings: warningsOf(runnable) },
    request,
    runnableRequest,
    runnable,
    models: embedded ? modelsOf(runnable) : modelsWritten(runnableRequest),
  };
}

/** Images of queues have a folder of their own when somebody says so. */
function queuesHere(settings: Settings): Pick<IntakeContext, 'defaults' | 'allowMock'> {
  const { queueOutputDir, ...defaults } = settings.defaults;
  return { ...workerHere(settings), defaults: { ...defaults, outputDir: queueOutputDir } };
}

interface ReadTasks {
  input: Pick<InputText, 'name' | 'baseDir'>;
  value: unknown;
  locate: (path: Problem['path']) => { line: number; column: number } | undefined;
}

/** A list of tasks, an object with `tasks`, or one task by flags. */
function readTasks(argument: string | undefined, flags: QueueRunFlags): ReadTasks {
  if ((argument === undefined) === (flags.prompt === undefined))
    throw new CommandProblem(
      EXIT.usage,
      'queue run needs either a list of tasks or --prompt, and not both. Nothing was sent.',
    );
  if (argument === undefined) {
    const task = { task_name: 'image', ...taskOfFlags(flags), prompt: flags.prompt };
    const input = { name: 'command line', baseDir: process.cwd() };
    return { input, value: { tasks: [task] }, locate: () => undefined };
  }
  const input = readInput(argument);
  const parsed = parseJson(input.text, input.name);
  if ('problems' in parsed) throw badInput(parsed.problems, input, 0);
  if (!Array.isArray(parsed.value)) return { input, ...parsed };
  return {
    input,
    value: { tasks: parsed.value },
    locate: ([holder, ...path]) => (holder === 'tasks' ? parsed.locate(path) : undefined),
  };
}

/** Flags win over the file's own block. */
function withQueue(value: unknown, flags: QueueRunFlags, settings: Settings, embedded: boolean): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { queue = {} } = value as { queue?: unknown };
  if (typeof queue !== 'object' || queue === null || Array.isArray(queue)) return value;
  const { stateDir, maxQueueSize, overflowPolicy } = flags;
  const place = stateDir === undefined || !embedded ? stateDir : resolve(stateDir);
  return {
    ...value,
    queue: {
      ...(embedded ? { state_dir: settings.defaults.queueDir } : {}),
      ...queue,
      ...(place === undefined ? {} : { state_dir: place }),
      ...(maxQueueSize === undefined ? {} : { max_queue_size: maxQueueSize }),
      ...(overflowPolicy === undefined ? {} : { overflow_policy: overflowPolicy }),
    },
  };
}

function overridesOf(flags: QueueRunFlags) {
  const { maxWorkers, maxCost, resume, mockSleep, mockExitCode, mockOutputText } = flags;
  return {
    ...requestOverrides(flags),
    ...providerDownOverride(flags),
    ...(mockSleep === undefined ? {} : { mock_sleep: mockSleep }),
    ...(mockExitCode === undefined ? {} : { mock_exit_code: mockExitCode }),
    ...(mockOutputText === undefined ? {} : { mock_output_text: mockOutputText }),
    ...(maxWorkers === undefined ? {} : { max_workers: maxWorkers }),
    ...(maxCost === undefined ? {} : { max_cost: maxCost }),
    ...(resume ? { again: false } : {}),
  };
}

/** What the worker shall reject goes as it was written: it finds the same. */
function requestOf(
  batch: Omit<NormalizedBatch, 'warnings'>,
  { value, baseDir, isRejected }: { value: unknown; baseDir: string; isRejected: (i: number) => boolean },
): BatchRequest {
  const { max_workers, output_dir, queue, tasks, batch_name, again, on_provider_down, max_cost_micros } =
    batch;
  if (queue === null) throw new Error('a queue run has a queue');
  const written = (value as { tasks: unknown[] }).tasks;
  const { task_timeout_seconds, ...block } = queue;
  return {
    batch_name,
    max_workers,
    output_dir,
    again,
    on_provider_down,
    ...costField(max_cost_micros),
    task_timeout_seconds,
    queue: block,
    tasks: tasks.map((task, i) => (isRejected(i) ? asWritten(written[i], baseDir) : taskRequestOf(task))),
  };
}

function asWritten(task: unknown, baseDir: string): TaskRequest {
  const isObject = typeof task === 'object' && task !== null && !Array.isArray(task);
  return (isObject ? withAbsolutePaths(task, baseDir) : task) as TaskRequest;
}

function modelsOf(tasks: readonly NormalizedTask[]): string {
  return [...new Set(tasks.map(({ provider, model }) => `${provider}/${model}`))].join(', ');
}

function tellRejected(problems: Problem[], tasks: number, { name }: Pick<InputText, 'name'>): void {
  sayLines(problemLines(problems, name, lookOf(process.stderr)));
  say(`warning: ${counted(tasks, 'task')} will be rejected; the others run`);
}

function badInput(problems: Problem[], { name }: Pick<InputText, 'name'>, tasks: number): CommandProblem {
  sayLines(problemLines(problems, name, lookOf(process.stderr)));
  return new CommandProblem(EXIT.usage, problemsSentence(problems, tasks), problems);
}
