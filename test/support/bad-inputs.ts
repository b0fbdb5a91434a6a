/**
 * Everything that people start our workflows with by mistake (SPEC T1): the rows. `bad-input-world.ts` runs them;
 * `test/e2e/bad-input-table.test.ts` checks them, `npm run bad-input-table` prints them.
 */
import { BATCH_LIMITS } from '../../src/domain/batch.ts';
import { WORKFLOW_TYPES } from '../../src/domain/messages.ts';

export interface BadInput {
  /** Workflow type that is asked for. */
  type: string;
  row: string;
  input: Written;
  /** Default: one of its own. */
  workflowId?: string;
  expected: Expected;
}

/** Arguments of `temporal workflow start`, an input file for it, or a payload that only a client can send. */
type Written = { flags: string[] } | { file: string | Buffer } | { payload: Payload };

export interface Payload {
  metadata?: Record<string, Uint8Array>;
  data?: Uint8Array;
}

type Expected =
  /** Closes Failed, refused before any activity or by the one that checks the whole order. */
  | { end: 'failed'; by: 'guard' | 'admission'; says: string[] }
  /** The Temporal CLI, or the server, does not take it. */
  | { end: 'refused'; says: string[] }
  /** What is still allowed: makes its image. */
  | { end: 'completed' };

const guard = (...says: string[]): Expected => ({ end: 'failed', by: 'guard', says });
const admission = (...says: string[]): Expected => ({ end: 'failed', by: 'admission', says });
const refused = (...says: string[]): Expected => ({ end: 'refused', says });

/** The same for both types, or what each of them says. */
function both(
  row: string,
  input: Written,
  expected: Expected | [batch: Expected, task: Expected],
): BadInput[] {
  const [batch, task] = Array.isArray(expected) ? expected : [expected, expected];
  return [
    { type: WORKFLOW_TYPES.batch, row, input, expected: batch },
    { type: WORKFLOW_TYPES.task, row, input, expected: task },
  ];
}

function batchOnly(row: string, input: Written, expected: Expected, workflowId?: string): BadInput {
  return {
    type: WORKFLOW_TYPES.batch,
    row,
    input,
    expected,
    ...(workflowId === undefined ? {} : { workflowId }),
  };
}

const json = (...inputs: string[]) => ({ flags: inputs.flatMap((input) => ['--input', input]) });
const as = (encoding: string, input: string, ...more: string[]) => ({
  flags: ['--input', input, '--input-meta', `encoding=${encoding}`, ...more],
});
const sent = (data: string, metadata: Record<string, string>) => ({
  payload: {
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value)])),
    data: Buffer.from(data),
  },
});
const list = (count: number, member: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => member(i)).join();

const GOOD = '{"prompt":"x"}';
const MIB = BATCH_LIMITS.inputBytes;
const filled = (bytes: number) => `"to_open_id":"${'x'.repeat(bytes)}"`;

const NOT_ONE_OBJECT = [
  both('no input', { flags: [] }, guard('there is none')),
  both('null', json('null'), guard('it is null')),
  both('a string', json('"a cat"'), guard('it is a string')),
  both('a number', json('4'), guard('it is a number')),
  both('a boolean', json('true'), guard('it is a boolean')),
  both('an array', json(`[${GOOD}]`), guard('it is an array')),
  both('two inputs', json(GOOD, GOOD), guard('there are 2 inputs')),
];

const NOT_JSON = [
  both('text', json('a cat'), refused('is not valid JSON')),
  both('text in base64', { flags: ['--input', 'YSBjYXQ=', '--input-base64'] }, refused('is not valid JSON')),
  both(
    'bytes as binary/plain',
    as('binary/plain', 'YSBjYXQ=', '--input-base64'),
    guard('binary data of 5 bytes'),
  ),
  both('JSON as binary/plain', as('binary/plain', GOOD), guard('binary data of 14 bytes')),
  both('JSON as binary/null', as('binary/null', GOOD), guard('it is null')),
  ...['text/plain', 'json/protobuf', 'binary/protobuf', 'binary/encrypted', 'json'].map((encoding) =>
    both(
      `JSON as ${encoding}`,
      as(encoding, GOOD),
      guard(`its encoding is "${encoding}"`, '"json/plain" is needed'),
    ),
  ),
  both(
    'a file that is not UTF-8',
    { file: Buffer.from('{"prompt":"\u00CC\u00EC"}', 'latin1') },
    guard('not JSON in UTF-8'),
  ),
  both('half a JSON, by a client', sent('{"tasks":[', { encoding: 'json/plain' }), guard('not JSON')),
  both('no bytes, by a client', sent('', { encoding: 'json/plain' }), guard('not JSON')),
  both('no encoding, by a client', sent(GOOD, {}), guard('its encoding is not given')),
  both('an empty payload, by a client', { payload: {} }, guard('its encoding is not given')),
  both(
    'a reference to external storage',
    sent('{"driverName":"s3","claimData":{"key":"1"}}', {
      encoding: 'json/protobuf',
      messageType: 'temporal.api.sdk.v1.ExternalStorageReference',
    }),
    guard('reference to external storage'),
  ),
];

const TOO_MUCH = [
  [
    batchOnly('just under 1 MB', { file: `{${filled(MIB - 50)},"tasks":[${GOOD}]}` }, { end: 'completed' }),
    {
      type: WORKFLOW_TYPES.task,
      row: 'just under 1 MB',
      input: { file: `{${filled(MIB - 50)},"prompt":"x"}` },
      expected: { end: 'completed' as const },
    },
  ],
  both('over 1 MB', { file: `{"prompt":"x",${filled(MIB)}}` }, guard(`more than ${MIB}`)),
  both(
    'over the server’s limit of 2 MB',
    { file: `{${filled(2.2 * MIB)}}` },
    refused('Blob data size exceeds limit'),
  ),
  both('over its limit of a message', { file: `{${filled(4.5 * MIB)}}` }, refused('larger than max')),
  both(
    'lists 9,000 deep',
    { file: `{"tasks":${'['.repeat(9_000)}${']'.repeat(9_000)}}` },
    guard('nested more than'),
  ),
  both(
    'lists 100,000 deep',
    { file: '['.repeat(100_000) + ']'.repeat(100_000) },
    refused('is not valid JSON'),
  ),
  both(
    'objects 100,000 deep, by a client',
    sent(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, { encoding: 'json/plain' }),
    guard('nested more than 32 levels deep'),
  ),
  both(
    '100,000 tasks',
    { file: `{"tasks":[${list(100_000, () => '{}')}]}` },
    guard('more than 30000 values'),
  ),
  both(
    '25,000 unknown fields',
    { file: `{${list(25_000, (i) => `"k${i}":1`)}}` },
    admission('25001 problems', 'k0: unknown key', 'k5000: unknown key', ' more'),
  ),
  both(
    'a field name of 900 KB',
    { file: `{"${'k'.repeat(900_000)}":1}` },
    admission('kkk…: unknown key', 'is missing'),
  ),
];

const MANY_MISTAKES = JSON.stringify({
  promt: 'x',
  size: 7,
  quality: 'hihg',
  max_attempts: 9,
  output_dir: 'relative',
  task_key: 'another',
  input_image: '/nowhere/logo.png',
});

const WRONG_FIELDS = [
  both('an empty object', json('{}'), [admission('tasks: is missing'), admission('prompt: is missing')]),
  both('the other type’s input', json(`{"prompt":"x","max_workers":2}`), [
    admission('tasks: is missing', 'prompt: belongs into a task'),
    admission('1 problem, ', 'max_workers: belongs to the top level of a batch'),
  ]),
  both(
    'names that every object has',
    json('{"__proto__":{"prompt":"x","tasks":[]},"constructor":1,"toJSON":2}'),
    admission('__proto__: unknown key', 'constructor: unknown key', 'toJSON: unknown key', 'is missing'),
  ),
  both(
    'a command to run',
    json('{"prompt":"x","command":"true","tasks":[{"prompt":"x","mock_command":"true"}]}'),
    [admission('tasks[0].mock_command: is refused', 'command: is refused'), admission('command: is refused')],
  ),
  both('another task_key and six problems more', json(MANY_MISTAKES), [
    admission('tasks: is missing', 'size: ', 'quality: ', 'max_attempts: ', 'output_dir: ', 'task_key: '),
    admission(
      '7 problems',
      'promt: unknown key; did you mean "prompt"?',
      'size: expected a string, got 7',
      'quality: "hihg" is not one of',
      'max_attempts: 9 is over the limit of 5',
      'output_dir: "relative" is a relative path',
      'task_key: must equal the workflow id',
      'input_images: ',
      '/nowhere/logo.png',
    ),
  ]),
  both('a workflow id that is no key', json('{"prompt":"x","tasks":[{"prompt":"x"}]}'), [
    admission('batch id: has 240 bytes; 1 to 200 are allowed'),
    admission('workflow id: has 240 bytes; 1 to 200 are allowed'),
  ]).map((row, i) => ({ ...row, workflowId: `${i}${'long'.repeat(60)}`.slice(0, 240) })),
];

/** What only a list of tasks can get wrong. */
const WRONG_TASKS = [
  batchOnly('no tasks', json('{"tasks":[]}'), admission('tasks: there are no tasks')),
  batchOnly(
    '1,001 tasks',
    { file: `{"tasks":[${list(1001, () => GOOD)}]}` },
    admission('at most 1000 in one file'),
  ),
  batchOnly(
    'a problem in each of 1,000 tasks',
    { file: `{"tasks":[${list(1000, () => '{"promt":"x"}')}]}` },
    admission('1000 problems', 'tasks[0].promt', 'tasks[999].promt'),
  ),
  batchOnly(
    'problems of four kinds in three tasks',
    json(
      '{"max_wrkers":1,"tasks":[{"prompt":""},{"prompt":"x","image":"a.png"},{"prompt":"x","task_key":"the-batch"}]}',
    ),
    admission(
      '4 problems',
      'max_wrkers',
      'tasks[0].prompt',
      'tasks[1].image',
      'tasks[2].task_key: equals the batch id',
    ),
    'the-batch',
  ),
];

/** Types that don't exist, with an input that would be right and with one that nobody can read. */
const WRONG_TYPES = ['imageBtach', 'image_task', 'default', 'toString', 'valueOf', '__proto__'].flatMap(
  (type) => {
    const expected = guard(`there is no workflow type "${type}" here`, 'imageBatch and imageTask');
    return [
      { type, row: 'an unknown type', input: json(GOOD), expected },
      { type, row: 'an unknown type, not JSON', input: as('text/plain', GOOD), expected },
    ];
  },
);
const NO_TYPE = {
  type: '',
  row: 'an empty type',
  input: json(GOOD),
  expected: refused('WorkflowType is not set'),
};

export const BAD_INPUTS: BadInput[] = [
  ...[...NOT_ONE_OBJECT, ...NOT_JSON, ...TOO_MUCH, ...WRONG_FIELDS].flat(),
  ...WRONG_TASKS,
  ...WRONG_TYPES,
  NO_TYPE,
];
