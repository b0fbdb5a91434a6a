/** Batch documents as somebody may write them, or break them: parsed, normalised, told of. */
import { isAbsolute } from 'node:path';
import * as fc from 'fast-check';
import { sha256 } from '../../src/activities/sha256.ts';
import { BATCH_LIMITS } from '../../src/domain/batch.ts';
import { batchHash } from '../../src/domain/ids.ts';
import { type IntakeContext, normalizeBatch, normalizeTask } from '../../src/intake/normalize.ts';
import { parseJson } from '../../src/intake/parse.ts';
import { type Problem, problemRows } from '../../src/intake/problems.ts';
import { retryProblems } from '../../src/intake/retry.ts';
import { BATCH_KEYS, TASK_KEYS } from '../../src/intake/schema.ts';
import { onlyInput } from '../../src/workflows/input-guard.ts';
import type { Fuzzed, Group } from './fuzz.ts';
import { anyJson, deepJson, holds, isOneSafeLine, mutated, nasty, text } from './hostile.ts';

export const DOCUMENTS: Group = {
  name: 'batch documents',
  runs: 24_000,
  properties: () =>
    [
      { what: 'a document', share: 0.92, check: fc.property(document, checkDocument) },
      { what: 'a deep one', share: 0.08, check: fc.property(deepJson, checkDocument) },
    ] as Fuzzed[],
};

const value = fc.oneof(
  text,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(text, { maxLength: 7 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const fitting = fc.record(
  {
    prompt: fc.oneof(fc.string({ minLength: 1, maxLength: 60 }), text),
    task_name: text,
    task_key: text,
    size: fc.constantFrom('1024x1024', 'auto', '816x816', '1x1', '99999x1'),
    images: fc.oneof(text, fc.array(text, { maxLength: 7 })),
    image: text,
    quality: fc.constantFrom('low', 'high', 'best'),
    timeout_ms: fc.integer({ min: -1, max: 700_000 }),
    max_attempts: fc.integer({ min: -1, max: 9 }),
    output_dir: text,
    raw: fc.boolean(),
  },
  { requiredKeys: ['prompt'] },
);
const odd = (keys: readonly string[]) =>
  fc.dictionary(fc.oneof(fc.constantFrom(...keys), nasty), value, { maxKeys: 3 });
const task = fc.oneof(
  { weight: 4, arbitrary: fitting },
  { weight: 2, arbitrary: fc.tuple(fitting, odd(TASK_KEYS)).map(([one, more]) => ({ ...one, ...more })) },
  { weight: 1, arbitrary: value },
);
const batch = fc
  .tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.array(task, { maxLength: 4 }) as fc.Arbitrary<unknown> },
      { weight: 1, arbitrary: value },
    ),
    odd(BATCH_KEYS),
    fc.record(
      {
        max_workers: fc.integer(),
        max_cost: fc.double(),
        queue: fc.oneof(fc.constant({}), value),
        again: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  )
  .map(([tasks, more, known]) => JSON.stringify({ ...known, ...more, tasks }));
const document = fc.oneof(
  { weight: 5, arbitrary: batch },
  { weight: 4, arbitrary: mutated(batch) },
  { weight: 1, arbitrary: anyJson },
  { weight: 1, arbitrary: text },
);

const CONTEXTS: readonly IntakeContext[] = [
  {
    baseDir: '/orders',
    defaults: { outputDir: '/out' },
    overrides: {},
    allowMock: false,
    batchName: 'batch',
  },
  { baseDir: null, defaults: null, overrides: {}, allowMock: true, batchName: 'batch' },
];

function checkDocument(json: string): void {
  const parsed = parseJson(json);
  if ('problems' in parsed) {
    checkProblems(parsed.problems);
    return;
  }
  guard(parsed.value);
  retryProblems(parsed.value);
  for (const context of CONTEXTS) {
    const read = normalizeBatch(parsed.value, context);
    if ('problems' in read)
      checkProblems(read.problems.map((one) => ({ ...one, ...parsed.locate(one.path) })));
    else checkBatch(read.batch, context);
    const single = normalizeTask(parsed.value, context);
    if ('problems' in single) checkProblems(single.problems);
  }
}

function guard(input: unknown): void {
  try {
    onlyInput([input], 'a batch');
  } catch (error) {
    if ((error as Error).name !== 'ApplicationFailure') throw error;
  }
}

function checkProblems(problems: Problem[]): void {
  holds('something is said', problems.length > 0);
  for (const { place, field, message } of problemRows(problems, 'batch.json'))
    holds('it is said in lines', message !== '' && [place, field, message].every(isOneSafeLine));
}

type Batch = Extract<ReturnType<typeof normalizeBatch>, { batch: unknown }>['batch'];

function checkBatch(normalized: Batch, context: IntakeContext): void {
  const { tasks, max_workers, queue_limit } = normalized;
  holds('1 to 4 workers', max_workers >= 1 && max_workers <= BATCH_LIMITS.maxWorkers);
  holds('a queue limit is one', queue_limit >= 1 && queue_limit <= BATCH_LIMITS.queueMax);
  holds('it has tasks', tasks.length > 0);
  for (const one of tasks) {
    holds('paths are absolute', one.input_images.every(isAbsolute));
    if (context.defaults !== null) holds('an output folder is absolute', isAbsolute(one.output_dir));
    holds('attempts are 1 to 5', one.max_attempts >= 1 && one.max_attempts <= 5);
    holds(
      'own fields only',
      !Object.hasOwn(one, '__proto__') && Object.getPrototypeOf(one) === Object.prototype,
    );
  }
  batchHash(tasks, sha256);
}
