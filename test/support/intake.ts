import { type IntakeContext, normalizeBatch, normalizeTask } from '../../src/intake/normalize.ts';
import { pathText } from '../../src/intake/problems.ts';

export const INTAKE_CONTEXT: IntakeContext = {
  baseDir: '/data',
  defaults: { outputDir: '/out' },
  overrides: {},
  allowMock: false,
  batchName: 'covers',
};

/** The batch that `value` is; throws when it is none. */
export function batch(value: unknown, context: Partial<IntakeContext> = {}) {
  const result = normalizeBatch(value, { ...INTAKE_CONTEXT, ...context });
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.batch;
}

/** The task that these fields and a prompt are; throws when they are none. */
export function task(fields: object, context: Partial<IntakeContext> = {}) {
  const result = normalizeTask({ prompt: 'a cat', ...fields }, { ...INTAKE_CONTEXT, ...context });
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.task;
}

/** `place: message` of everything that is wrong. */
export function batchProblems(value: unknown, context: Partial<IntakeContext> = {}): string[] {
  const result = normalizeBatch(value, { ...INTAKE_CONTEXT, ...context });
  return 'problems' in result
    ? result.problems.map(({ path, message }) => `${pathText(path)}: ${message}`)
    : [];
}

/** The same for a batch of one task with these fields. */
export function taskProblems(fields: object, context: Partial<IntakeContext> = {}): string[] {
  return batchProblems({ tasks: [{ prompt: 'a cat', ...fields }] }, context);
}
