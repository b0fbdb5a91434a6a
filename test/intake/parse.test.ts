import { describe, expect, it } from 'vitest';
import { parseJson } from '../../src/intake/parse.ts';

function problemsIn(text: string, fileName = 'batch.json') {
  const parsed = parseJson(text, fileName);
  return 'problems' in parsed ? parsed.problems : [];
}

describe('strict JSON, with the place of every mistake (B8)', () => {
  it.each([
    [
      'a trailing comma',
      '{\n  "tasks": [],\n}',
      { line: 3, column: 1 },
      /a comma before .* is one too many/u,
    ],
    [
      'a missing comma',
      '{"a": 1\n "b": 2}',
      { line: 2, column: 2 },
      /unexpected "b"; a comma or a colon is missing/u,
    ],
    ['a missing colon', '{"a" 1}', { line: 1, column: 6 }, /a comma or a colon is missing/u],
    ['single quotes', "{'a': 1}", { line: 1, column: 2 }, /straight double quotes/u],
    ['typographic quotes', '{“a”: 1}', { line: 1, column: 2 }, /straight double quotes/u],
    ['a comment', '{\n// hello\n}', { line: 2, column: 1 }, /comments are not allowed/u],
    ['an unknown word', '{"a": yes}', { line: 1, column: 7 }, /unexpected "yes"/u],
    ['a list that is not closed', '{"tasks": [1, 2', { line: 1, column: 15 }, /ends too early/u],
    ['a text that is not closed', '{"a": "abc', { line: 1, column: 11 }, /ends too early/u],
    ['a wrong escape', String.raw`{"a": "C:\path"}`, { line: 1, column: 10 }, /backslash/u],
    ['something after the end', '{} {}', { line: 1, column: 4 }, /unexpected/u],
    ['nothing at all', ' \n', { line: 1, column: 1 }, /is empty/u],
  ])('%s', (_, text, place, message) => {
    expect(problemsIn(text)).toEqual([{ path: [], message: expect.stringMatching(message), ...place }]);
  });

  it('a line break inside of a text is named with its field', () => {
    const [problem, ...others] = problemsIn('{"tasks": [{"prompt": "a\nb"}]}');
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ path: ['tasks', 0, 'prompt'], line: 1, column: 23 });
    expect(problem?.message).toContain('line break');
  });

  it('every key that occurs twice is a problem, and says where it stood first', () => {
    const text = '{"tasks": [{"prompt": "a", "prompt": "b"}],\n "tasks": []}';
    expect(problemsIn(text)).toEqual([
      { path: ['tasks'], message: 'the same key stands at 1:2 already', line: 2, column: 2 },
      { path: ['tasks', 0, 'prompt'], message: 'the same key stands at 1:13 already', line: 1, column: 28 },
    ]);
  });

  it('absurd nesting is a problem and no crash', () => {
    expect(problemsIn('['.repeat(300_000))).toEqual([{ path: [], message: 'is nested too deeply' }]);
  });

  it.each(['tasks.yaml', 'tasks.YML', 'tasks.csv', 'tasks.jsonl'])(
    '%s: only JSON can be read so far',
    (fileName) => {
      expect(problemsIn('{"tasks": []}', fileName)).toEqual([
        { path: [], message: expect.stringContaining('only JSON') },
      ]);
    },
  );
});

describe('what was parsed', () => {
  it('is what JSON.parse makes of it, a byte order mark aside', () => {
    const parsed = parseJson('\uFEFF{"a": [1.5e3, "\\u4e2d"], "__proto__": {"b": null}}');
    if ('problems' in parsed) throw new Error('unexpected problems');
    expect(JSON.stringify(parsed.value)).toBe('{"a":[1500,"中"],"__proto__":{"b":null}}');
    expect(parsed.locate(['a'])).toEqual({ line: 1, column: 7 });
  });

  it('tells where each value stands, or the nearest thing around it; a flag stands nowhere', () => {
    const parsed = parseJson('{\n  "tasks": [\n    {"prompt": "a", "images": ["x", "y"]}\n  ]\n}');
    if ('problems' in parsed) throw new Error('unexpected problems');
    expect(parsed.locate(['tasks', 0, 'images', 1])).toEqual({ line: 3, column: 37 });
    expect(parsed.locate(['tasks', 0, 'size'])).toEqual({ line: 3, column: 5 });
    expect(parsed.locate([])).toEqual({ line: 1, column: 1 });
    expect(parsed.locate(['--size'])).toBeUndefined();
  });
});
