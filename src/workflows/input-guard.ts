import { ApplicationFailure } from '@temporalio/common';
import { BATCH_LIMITS } from '../domain/batch.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { utf8Bytes } from '../domain/ids.ts';

/**
 * The one object a workflow was started with. Anything else ends the workflow as Failed before any activity (SPEC T1):
 * whoever starts it from the Temporal CLI gets a sentence instead of a task that never ends.
 */
export function onlyInput(args: readonly unknown[], wanted: string): object {
  const problem = problemOf(args);
  if (problem === null) return args[0] as object;
  throw ApplicationFailure.nonRetryable(`bad input: ${problem}; expected ${wanted}`, FAILURE_TYPES.badInput);
}

function problemOf(args: readonly unknown[]): string | null {
  if (args.length === 0) return 'there is none';
  if (args.length > 1) return `there are ${args.length} inputs`;
  const [input] = args;
  if (input === null || input === undefined) return 'it is null';
  if (Array.isArray(input)) return 'it is an array';
  if (typeof input !== 'object') return `it is a ${typeof input}`;
  const bytes = utf8Bytes(JSON.stringify(input));
  if (bytes > BATCH_LIMITS.inputBytes) return `it has ${bytes} bytes, more than ${BATCH_LIMITS.inputBytes}`;
  return null;
}
