/**
 * SPEC C6: what goes to a worker elsewhere is what the user wrote. Defaults and paths are the worker's, so nothing is filled
 * in or resolved here; flags stand as the fields that they win over.
 */
import type { BatchRequest } from '../domain/batch.ts';
import type { TaskRequest } from '../domain/task.ts';
import type { IntakeContext } from '../intake/normalize.ts';

/** How such an input is checked before it is sent: its shape, and nothing that depends on where the worker runs. */
export const ELSEWHERE: Pick<IntakeContext, 'baseDir' | 'defaults' | 'allowMock'> = {
  baseDir: null,
  defaults: null,
  allowMock: true,
};

/** `value` has passed the check. A flag wins over the field of every task, so it stands once and at no task. */
export function batchAsWritten(
  value: unknown,
  flags: Partial<BatchRequest>,
  batchName: string,
): BatchRequest {
  const written = value as BatchRequest;
  const won = new Set(Object.keys(flags));
  const isLeft = ([field]: [string, unknown]) => !won.has(field);
  return {
    batch_name: batchName,
    ...written,
    ...flags,
    tasks: written.tasks.map((task) => (isObject(task) ? without(task, isLeft) : task)),
  };
}

function without(task: TaskRequest, isLeft: (entry: [string, unknown]) => boolean): TaskRequest {
  return Object.fromEntries(Object.entries(task).filter(isLeft)) as unknown as TaskRequest;
}

/** What is no task at all is a queue's to reject (SPEC B3). */
function isObject(task: unknown): boolean {
  return typeof task === 'object' && task !== null && !Array.isArray(task);
}

/** Provider and model where somebody wrote them; the worker knows the rest. */
export function modelsWritten({ tasks, ...batch }: BatchRequest): string {
  const texts = tasks.map(({ provider = batch.provider, model = batch.model }) =>
    provider === undefined && model === undefined
      ? 'the worker’s model'
      : [provider ?? 'the worker’s provider', model ?? 'its model'].join('/'),
  );
  return [...new Set(texts)].join(', ');
}
