import { describe, expect, test } from 'vitest';
import { SAFETY_RULES } from '../../src/domain/prompt-safety-rules.ts';
import { TASK_LIMITS } from '../../src/domain/task.ts';
import { batch, batchProblems, INTAKE_CONTEXT, task, taskProblems } from '../support/intake.ts';
import { normalizeTask } from '../../src/intake/normalize.ts';

const GLAMOUR = 'Glamour portrait of a woman';
const REFUSED = 'nude child';

describe('what policy refuses is a problem of the input (G6, H7)', () => {
  test('with the place of the prompt and the reason, never with the prompt; with and without raw', () => {
    const problems = batchProblems({
      tasks: [{ prompt: 'a door' }, { prompt: REFUSED }, { prompt: REFUSED, raw: true }],
    });
    expect(problems.map((problem) => problem.split(':').slice(0, 2))).toEqual([
      ['tasks[1].prompt', ' policy_refused'],
      ['tasks[2].prompt', ' policy_refused'],
    ]);
    expect(problems.join()).not.toContain(REFUSED);
  });

  test('along with all other problems of the file', () => {
    const problems = batchProblems({ raw: true, tasks: [{ prompt: REFUSED, size: '7x7' }, { promt: 'x' }] });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual(
      expect.arrayContaining(['tasks[0].prompt', 'tasks[0].size', 'tasks[1].promt']),
    );
  });

  test('in a task that is started alone, too', () => {
    const { problems } = normalizeTask({ prompt: REFUSED, raw: true }, INTAKE_CONTEXT) as {
      problems: unknown[];
    };
    expect(problems).toEqual([{ path: ['prompt'], message: expect.stringContaining('policy_refused') }]);
  });
});

describe('who gets constraints appended is told (G6)', () => {
  test('by name and rule in one warning; not of raw ones; the prompts stay as written', () => {
    const { warnings, tasks } = batch({
      tasks: [
        { prompt: GLAMOUR, task_name: 'cover' },
        { prompt: 'a door' },
        { prompt: GLAMOUR, raw: true },
        { prompt: '裸体女人', task_name: '封面' },
      ],
    });
    expect(warnings).toEqual([
      'prompt safety: constraints are appended to cover (glamour), 封面 (nudity); raw sends a prompt as written',
    ]);
    expect(tasks[0]?.prompt).toBe(GLAMOUR);
  });

  test('of many tasks the first five', () => {
    const { warnings } = batch({ tasks: Array.from({ length: 9 }, () => ({ prompt: GLAMOUR })) });
    expect(warnings.join()).toMatch(/task-05 \(glamour\) and 4 more;/u);
    expect(warnings.join()).not.toContain('task-06');
  });

  test('raw for the whole batch is raw for each task, whose own word wins', () => {
    const { warnings } = batch({ raw: true, tasks: [{ prompt: GLAMOUR }, { prompt: GLAMOUR, raw: false }] });
    expect(warnings.join()).toMatch(/task-02/u);
    expect(warnings.join()).not.toContain('task-01');
  });

  test('of a task that is started alone as well', () => {
    const { warnings } = normalizeTask({ prompt: GLAMOUR }, INTAKE_CONTEXT) as { warnings: string[] };
    expect(warnings.join()).toContain('image (glamour)');
  });
});

describe('the limit of a prompt counts what is sent (G6)', () => {
  const glamour = SAFETY_RULES.find(({ id }) => id === 'glamour')?.constraint.en ?? '';
  const room = TASK_LIMITS.promptCharacters - `\n\n${glamour}`.length;
  // Characters, not UTF-16 units.
  const filled = (characters: number) => GLAMOUR + '🏠'.repeat(characters - GLAMOUR.length);

  test('a prompt that just fits with its constraints is taken', () => {
    expect(task({ prompt: filled(room) }).prompt).toHaveLength(GLAMOUR.length + 2 * (room - GLAMOUR.length));
  });

  test('one character more is a problem that says by how much, what for, and what to do; nothing is cut', () => {
    expect(taskProblems({ prompt: filled(room + 1) })).toEqual([
      `tasks[0].prompt: has ${room + 1} characters, and 32001 with its safety constraints (glamour): more than 32000. Shorten it by 1, or send it raw`,
    ]);
    expect(task({ prompt: filled(room + 1), raw: true }).raw).toBe(true);
  });

  test('a prompt without constraints may have all of it', () => {
    expect(task({ prompt: '门'.repeat(TASK_LIMITS.promptCharacters) }).prompt).toHaveLength(32_000);
  });
});
