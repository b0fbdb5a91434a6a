/** The validator's issues in plain words. */
import type * as z from 'zod';
import { type Problem, shown, suggested, suggestion } from './problems.ts';
import { BATCH_KEYS, TASK_KEYS } from './schema.ts';

/** Everything about `value` that its schema refuses; none when it fits. `kind` chooses the words. */
export function schemaProblems(schema: z.ZodType, value: unknown, kind: 'batch' | 'task'): Problem[] {
  const result = schema.safeParse(value, { reportInput: true });
  return result.success
    ? []
    : withoutMisspelt(result.error.issues.flatMap((issue) => problemsOf(issue, kind)));
}

const MISSING = 'is missing';

/** A misspelt `prompt` is one problem, not also a missing one. */
function withoutMisspelt(problems: Problem[]): Problem[] {
  const meant = new Set(
    problems
      .filter(({ message }) => message.endsWith(suggested('prompt')))
      .map(({ path }) => JSON.stringify([...path.slice(0, -1), 'prompt'])),
  );
  return problems.filter(({ path, message }) => message !== MISSING || !meant.has(JSON.stringify(path)));
}

type Issue = z.core.$ZodIssue;

function problemsOf(issue: Issue, kind: 'batch' | 'task'): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  const holder = kind === 'batch' && path.length === 0 ? 'batch' : 'task';
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: unknownKey(key, holder) }));
  }
  if (issue.code === 'invalid_union') return listProblems(issue, path);
  return [{ path, message: messageOf(issue, holder) }];
}

type SimpleIssue = Exclude<Issue, z.core.$ZodIssueUnrecognizedKeys | z.core.$ZodIssueInvalidUnion>;

function messageOf(issue: SimpleIssue, holder: 'batch' | 'task'): string {
  const value = shown(issue.input);
  switch (issue.code) {
    case 'invalid_type': {
      if (issue.input === undefined && issue.path.length > 0) return MISSING;
      const expected = issue.expected === 'object' ? OBJECTS[holder] : TYPES[issue.expected];
      return `expected ${expected ?? issue.expected}, got ${value}`;
    }
    case 'invalid_value': {
      const allowed = issue.values.map(String);
      const close = typeof issue.input === 'string' ? suggestion(issue.input, allowed) : '';
      return `${value} is not one of ${allowed.map((word) => `"${word}"`).join(', ')}${close}`;
    }
    case 'too_big':
      return `${value} is over the limit of ${issue.maximum}`;
    case 'too_small':
      if (Array.isArray(issue.input)) return 'there are no tasks; at least one is needed';
      return `${value} is below the minimum of ${issue.minimum}`;
    case 'invalid_format':
      return `${value} ${issue.message}`;
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
      return issue.message;
  }
}

const TYPES: Partial<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
};

const OBJECTS = { batch: 'an object with tasks', task: 'an object with a prompt' };

/** The only union is that of the reference lists: a string, or a list of strings. */
function listProblems(issue: z.core.$ZodIssueInvalidUnion, path: Problem['path']): Problem[] {
  const branch = issue.errors[Array.isArray(issue.input) ? 1 : 0] ?? [];
  if (!Array.isArray(issue.input) && typeof issue.input !== 'string') {
    return [{ path, message: `expected a list of paths or a string, got ${shown(issue.input)}` }];
  }
  return branch.flatMap((inner) => problemsOf({ ...inner, path: [...path, ...inner.path] }, 'task'));
}

function unknownKey(key: string, holder: 'batch' | 'task'): string {
  const refused = REFUSED_KEYS[key];
  if (refused !== undefined && Object.hasOwn(REFUSED_KEYS, key)) return refused;
  const [known, others, place] =
    holder === 'batch'
      ? [BATCH_KEYS, TASK_KEYS, 'into a task']
      : [TASK_KEYS, BATCH_KEYS, 'to the top level of a batch'];
  return others.includes(key) ? `belongs ${place}` : `unknown key${suggestion(key, known)}`;
}

const NEVER_SENT = 'is never sent to the provider; leave it out';
const SHELL = 'is refused: a task must not be able to run a shell command';

/** Keys that people know from elsewhere, and why they don't exist here (SPEC G4, M). */
const REFUSED_KEYS: Record<string, string> = {
  n: 'is always 1; list a task once for each image',
  response_format: NEVER_SENT,
  input_fidelity: NEVER_SENT,
  style: NEVER_SENT,
  command: SHELL,
  mock_command: SHELL,
};
