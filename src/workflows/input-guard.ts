import { ApplicationFailure } from '@temporalio/common';
import { BATCH_LIMITS } from '../domain/batch.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { utf8Bytes } from '../domain/ids.ts';
import { UnreadablePayload } from './payload-converter.ts';

/**
 * The one object a workflow was started with. Anything else ends the workflow as Failed before any activity (SPEC T1):
 * whoever starts it from the Temporal CLI gets a sentence instead of a task that never ends. Its fields are admission's
 * business, which tells of all of them at once.
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
  if (input instanceof UnreadablePayload) return input.problem;
  if (ArrayBuffer.isView(input)) return `it is binary data of ${input.byteLength} bytes`;
  if (Array.isArray(input)) return 'it is an array';
  if (typeof input !== 'object') return `it is a ${typeof input}`;
  return extentProblem(input);
}

/** What is too much to be handed on; the size last, because writing JSON needs a stack as deep as its nesting. */
function extentProblem(input: object): string | null {
  const problem = shapeProblem(input);
  if (problem !== null) return problem;
  const bytes = utf8Bytes(JSON.stringify(input));
  return bytes > BATCH_LIMITS.inputBytes
    ? `it has ${bytes} bytes, more than ${BATCH_LIMITS.inputBytes}`
    : null;
}

/** Level by level, without recursion, and not beyond what is allowed. */
function shapeProblem(input: object): string | null {
  const limits = BATCH_LIMITS.input;
  let values = 0;
  let level = [input];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === limits.levels) return `it is nested more than ${limits.levels} levels deep`;
    const inside: object[] = [];
    for (const holder of level) {
      const members: unknown[] = Object.values(holder);
      values += members.length;
      if (values > limits.values) return `it has more than ${limits.values} values`;
      for (const member of members) if (typeof member === 'object' && member !== null) inside.push(member);
    }
    level = inside;
  }
  return null;
}
