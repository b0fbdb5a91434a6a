/** One task: its layers read, its defaults filled, and the rules that need more than one field (SPEC G1–G4). */
import {
  MOCK_PROVIDER,
  modeFor,
  type NormalizedTask,
  type RequestOptions,
  TASK_DEFAULTS,
} from '../domain/task.ts';
import type { LayeredTask, ProblemList } from './layers.ts';
import { mockOf, mockProblems } from './mock.ts';
import { REFERENCE_FIELDS, type ReferenceSource, resolvePath, resolveReferences } from './references.ts';
import { safetyProblem } from './safety.ts';
import { sizeProblem } from './size.ts';

export interface BuildContext {
  defaultName: string;
  /** Null: unknown here (SPEC C6). */
  defaults: { provider?: string; model?: string; outputDir: string } | null;
  /** False: mock tasks are refused (SPEC M). */
  allowMock: boolean;
  /** Told of everything that is wrong; the task is usable only when it stays empty. */
  problems: ProblemList;
}

export function buildTask(
  task: LayeredTask,
  { defaultName, defaults, allowMock, problems }: BuildContext,
): NormalizedTask {
  const wishedModel = task.get('model');
  const model = wishedModel ?? defaults?.model ?? TASK_DEFAULTS.model;
  const { images, problems: referenceProblems } = resolveReferences(referenceSources(task));
  problems.add(referenceProblems);
  if (wishedModel !== undefined || defaults !== null) checkSize(task, model, problems);
  checkFormat(task, problems);
  checkSafety(task, problems);
  const mock = mockOf(task);
  if (!allowMock) problems.add(mockProblems(task));
  const taskKey = task.get('task_key');
  const taskTimeout = task.get('task_timeout_seconds');
  return {
    task_name: task.get('task_name') ?? defaultName,
    ...(taskKey === undefined ? {} : { task_key: taskKey }),
    prompt: task.get('prompt') ?? '',
    raw: task.get('raw') ?? false,
    mode: modeFor(images),
    provider: mock ? MOCK_PROVIDER : (task.get('provider') ?? defaults?.provider ?? TASK_DEFAULTS.provider),
    model,
    size: task.get('size') ?? TASK_DEFAULTS.size,
    options: optionsOf(task),
    input_images: images,
    timeout_ms: task.get('timeout_ms') ?? TASK_DEFAULTS.timeout_ms,
    task_timeout_ms: taskTimeout === undefined ? null : milliseconds(taskTimeout),
    max_attempts: task.get('max_attempts') ?? TASK_DEFAULTS.max_attempts,
    retry_base_delay_ms: milliseconds(task.get('retry_base_delay') ?? TASK_DEFAULTS.retry_base_delay),
    retry_max_delay_ms: milliseconds(task.get('retry_max_delay') ?? TASK_DEFAULTS.retry_max_delay),
    retry_jitter_ms: milliseconds(task.get('retry_jitter') ?? TASK_DEFAULTS.retry_jitter),
    on_unknown: task.get('on_unknown') ?? TASK_DEFAULTS.on_unknown,
    output_dir: outputDir(task, defaults?.outputDir ?? '', problems),
    ...(mock === undefined ? {} : { mock }),
  };
}

function referenceSources(task: LayeredTask): ReferenceSource[] {
  return REFERENCE_FIELDS.flatMap((field) => {
    const found = task.find(field);
    return found === undefined ? [] : { ...found, isList: field === 'input_images' || field === 'images' };
  });
}

/** The default size fits every model here; who asks for another model without a size gets it unchecked. */
function checkSize(task: LayeredTask, model: string, problems: ProblemList): void {
  const size = task.find('size');
  if (size === undefined || task.isBroken('model')) return;
  const message = sizeProblem(model, size.value);
  if (message !== null) problems.add([{ path: size.path, message }]);
}

function checkFormat(task: LayeredTask, problems: ProblemList): void {
  if (task.isBroken('output_format')) return;
  const format = task.get('output_format') ?? 'png';
  const compression = task.find('output_compression');
  if (compression !== undefined && format === 'png') {
    problems.add([{ path: compression.path, message: 'is for output_format "jpeg" or "webp" only' }]);
  }
  const background = task.find('background');
  if (background?.value === 'transparent' && format === 'jpeg') {
    problems.add([{ path: background.path, message: '"transparent" needs output_format "png" or "webp"' }]);
  }
}

/** SPEC G6, H7: what policy refuses is a problem of the input, like any other. */
function checkSafety(task: LayeredTask, problems: ProblemList): void {
  const prompt = task.find('prompt');
  if (prompt === undefined) return;
  const message = safetyProblem({ prompt: prompt.value, raw: task.get('raw') ?? false });
  if (message !== null) problems.add([{ path: prompt.path, message }]);
}

/** Only what is set: what is absent is not sent (SPEC G4). */
function optionsOf(task: LayeredTask): RequestOptions {
  const quality = task.get('quality');
  const background = task.get('background');
  const format = task.get('output_format');
  const compression = task.get('output_compression');
  const moderation = task.get('moderation');
  return {
    ...(quality === undefined ? {} : { quality }),
    ...(background === undefined ? {} : { background }),
    ...(format === undefined ? {} : { output_format: format }),
    ...(compression === undefined ? {} : { output_compression: compression }),
    ...(moderation === undefined ? {} : { moderation }),
  };
}

function outputDir(task: LayeredTask, byDefault: string, problems: ProblemList): string {
  const wish = task.find('output_dir');
  if (wish === undefined) return byDefault;
  const place = resolvePath(wish.value, wish.baseDir);
  if ('absolute' in place) return place.absolute;
  problems.add([{ path: wish.path, message: place.message }]);
  return byDefault;
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}
