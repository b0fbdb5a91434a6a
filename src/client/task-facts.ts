/** What a task was ordered as: its workflow answers no query for it, its first event says it. */
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { memoOf } from '../client.ts';
import { type Mode, TASK_DEFAULTS, type TaskOrder, type TaskRequest } from '../domain/task.ts';

export interface TaskFacts {
  task_key: string;
  task_name: string;
  mode: Mode;
  /** Number of reference images. */
  references: number;
  provider: string;
  model: string;
  /** Folder of its proof, on the worker's disk; null before it is known. */
  run_dir: string | null;
}

/** Falls back to defaults for what the input does not tell, as when it is encoded. */
export async function taskFacts(client: Client, run: WorkflowExecutionDescription): Promise<TaskFacts> {
  const input = await inputOf(client, run);
  const { task_name = 'image', provider, model } = input;
  const references = referencesOf(input);
  return {
    task_key: run.workflowId,
    task_name,
    mode: input.mode ?? (references > 0 ? 'edit' : 'generation'),
    references,
    provider: provider ?? TASK_DEFAULTS.provider,
    model: model ?? TASK_DEFAULTS.model,
    run_dir: memoOf(run).run_dir ?? folderOf(input),
  };
}

/** In a batch what admission made of it; alone what somebody wrote. */
type Input = Partial<TaskOrder> & Partial<TaskRequest>;

async function inputOf(client: Client, { workflowId, runId }: WorkflowExecutionDescription): Promise<Input> {
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId, runId },
    maximumPageSize: 1,
  });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  const data = started?.input?.payloads?.[0]?.data;
  try {
    return JSON.parse(Buffer.from(data ?? []).toString('utf8')) as Input;
  } catch {
    return {};
  }
}

/** SPEC G2: one path, or several. */
function referencesOf(input: Input): number {
  if (input.references !== undefined) return input.references;
  const { input_image, image, reference_image, input_images, images } = input;
  const given = [input_image, image, reference_image, input_images, images].filter(Boolean);
  return given.reduce<number>((sum, paths) => sum + (Array.isArray(paths) ? paths.length : 1), 0);
}

function folderOf({ batch_dir, order_file }: Input): string | null {
  if (batch_dir === undefined || order_file === undefined) return null;
  const [folder] = order_file.split('/');
  return order_file.includes('/') ? `${batch_dir}/${folder}` : batch_dir;
}
