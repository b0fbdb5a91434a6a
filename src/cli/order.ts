/** From what a person wrote to an order that can be sent: every problem is found here, before anything is spent. */
import { allowedRoots, inspectProvider, rememberRoot, type Settings } from '../config.ts';
import { readReference } from '../artifacts/image-file.ts';
import type { BatchRequest, BatchWideFields, NormalizedBatch } from '../domain/batch.ts';
import { commonFields, ownFields } from '../domain/common-fields.ts';
import { type MockOrder, type NormalizedTask, TASK_DEFAULTS, type TaskRequest } from '../domain/task.ts';
import type { IntakeContext } from '../intake/normalize.ts';
import { BATCH_KEYS } from '../intake/schema.ts';
import type { Problem } from '../intake/problems.ts';
import { CommandProblem } from './exit-codes.ts';

/** The worker of this machine: what it fills in where nothing is said, and whether it takes mocks (SPEC M). */
export function workerHere({ defaults, allowMock }: Settings): Pick<IntakeContext, 'defaults' | 'allowMock'> {
  return { defaults, allowMock };
}

/**
 * The normalised batch in the shape users write: what goes to Temporal is what `temporal workflow start` takes (SPEC T1).
 * What all tasks have in common is said once: histories are paid for by the byte.
 */
export function batchRequestOf(batch: NormalizedBatch, again: boolean): BatchRequest {
  const requests = batch.tasks.map(taskRequestOf);
  const { batch_name, max_workers, queue_limit, on_provider_down, max_cost_micros, output_dir } = batch;
  // The batch's own folder holds its proofs, wherever all of its images go.
  const whole = { ...batchWideFields(requests), output_dir };
  const tasks = requests.map((request) => ownFields(request, whole) as TaskRequest);
  const fields = { batch_name, max_workers, queue_limit, on_provider_down, ...costField(max_cost_micros) };
  return { ...fields, ...(again ? { again } : {}), ...whole, tasks };
}

/** In the unit users write. */
export function costField(micros: number | null): Pick<BatchRequest, 'max_cost'> {
  return micros === null ? {} : { max_cost: micros / 1_000_000 };
}

function batchWideFields(requests: readonly TaskRequest[]): BatchWideFields {
  const common = Object.entries(commonFields(requests));
  return Object.fromEntries(common.filter(([name]) => BATCH_KEYS.includes(name)));
}

export function taskRequestOf(task: NormalizedTask): TaskRequest {
  const { retry_base_delay_ms, retry_max_delay_ms, retry_jitter_ms, ...others } = task;
  const { task_timeout_ms, on_unknown, mode: _, options, mock, input_images, ...fields } = others;
  return {
    ...fields,
    ...(input_images.length === 0 ? {} : { input_images }),
    ...options,
    ...(task_timeout_ms === null ? {} : { task_timeout_seconds: task_timeout_ms / 1000 }),
    ...(on_unknown === TASK_DEFAULTS.on_unknown ? {} : { on_unknown }),
    ...(mock === undefined ? {} : mockFields(mock)),
    retry_base_delay: retry_base_delay_ms / 1000,
    retry_max_delay: retry_max_delay_ms / 1000,
    retry_jitter: retry_jitter_ms / 1000,
  };
}

function mockFields({ sleep_ms, exit_code, output_text }: MockOrder): Partial<TaskRequest> {
  return { mock_sleep: sleep_ms / 1000, mock_exit_code: exit_code, mock_output_text: output_text };
}

/** Reference images that can't be sent, one problem for each task that names them (SPEC H3). */
export async function referenceProblems(
  settings: Settings,
  tasks: readonly NormalizedTask[],
  pathOf: (task: number) => Problem['path'],
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<Problem[]> {
  const cwd = process.cwd();
  const roots = allowedRoots(settings, { embedded: true, cwd });
  const seen = new Map<string, string | null>();
  const problems: Problem[] = [];
  for (const [i, task] of tasks.entries()) {
    for (const path of task.input_images) {
      if (!seen.has(path)) seen.set(path, await readReference(path, roots).then(() => null, messageOf));
      const message = seen.get(path);
      if (message) problems.push({ path: [...pathOf(i), 'input_images'], message });
    }
  }
  if (problems.length === 0 && seen.size > 0 && !dryRun) rememberRoot(settings, cwd);
  return problems;
}

/** SPEC H7: no provider entry is exit 3, an entry without key exit 4; secrets are not opened here (G8). */
export async function checkProviders(settings: Settings, tasks: readonly NormalizedTask[]): Promise<void> {
  const sent = tasks.filter(({ mock }) => mock === undefined);
  const pairs = new Map(sent.map(({ provider, model }) => [`${provider}\0${model}`, { provider, model }]));
  for (const { provider, model } of pairs.values()) {
    const state = await inspectProvider(settings, provider, model);
    if (!state.ok) throw new CommandProblem(state.exitCode, `${state.message} Nothing was sent.`);
  }
}

function messageOf(error: unknown): string {
  return (error as Error).message;
}
