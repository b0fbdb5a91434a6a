import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { normalizeBatch } from '../../src/intake/normalize.ts';
import { parseJson } from '../../src/intake/parse.ts';
import { type Problem, problemRows, suggestion } from '../../src/intake/problems.ts';
import { TASK_KEYS } from '../../src/intake/schema.ts';

/** Place, field and message of each problem, from the text of a file. */
function report(text: string): string[] {
  const parsed = parseJson(text, 'batch.json');
  if ('problems' in parsed) return rows(parsed.problems);
  const context = {
    baseDir: '/data',
    defaults: { outputDir: '/out' },
    overrides: {},
    allowMock: false,
    batchName: 'batch',
  };
  const normalized = normalizeBatch(parsed.value, context);
  if (!('problems' in normalized)) return [];
  return rows(normalized.problems.map((problem) => ({ ...problem, ...parsed.locate(problem.path) })));
}

function rows(problems: Problem[]): string[] {
  return problemRows(problems, 'batch.json').map(
    ({ place, field, message }) => `${place} ${field} ${message}`,
  );
}

describe('every problem at once, each with its place (B8)', () => {
  it('a file with a mistake of every kind', () => {
    const text = [
      '{',
      '  "max_worker": 2,',
      '  "tasks": [',
      '    {"promt": "a cat"},',
      '    {"prompt": "", "max_attempts": "3"},',
      '    {"prompt": "a", "images": ["1", "2", "3", "4", "5", "6"]},',
      '    {"prompt": "a", "size": "1000x1000"}',
      '  ]',
      '}',
    ].join('\n');
    expect(report(text)).toEqual([
      'batch.json:2:17 max_worker unknown key; did you mean "max_workers"?',
      'batch.json:4:15 tasks[0].promt unknown key; did you mean "prompt"?',
      'batch.json:5:16 tasks[1].prompt is empty',
      'batch.json:5:36 tasks[1].max_attempts expected a number, got "3"',
      'batch.json:6:31 tasks[2].images 6 reference images; at most 5',
      'batch.json:7:29 tasks[3].size 1000x1000 is not possible with gpt-image-2: width and height must be multiples of 16',
    ]);
  });

  it('a file that is no JSON', () => {
    expect(report('{\n  "tasks": [1,]\n}')).toEqual(['batch.json:2:15  a comma before "]" is one too many']);
  });

  it('control characters of the file never reach the terminal', () => {
    const text = JSON.stringify({ tasks: [{ prompt: 'a', '\u001B[2Jevil\u202E': 1, quality: '\u009B31m' }] });
    const shown = report(text).join('\n');
    // eslint-disable-next-line no-control-regex -- the test is about them
    expect(shown).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/u);
    expect(shown).toContain(String.raw`\u{1b}[2Jevil\u{202e}`);
  });
});

describe('suggestions', () => {
  it.each([
    ['promt', 'prompt'],
    ['taskName', 'task_name'],
    ['task-key', 'task_key'],
    ['reference_images', 'reference_image'],
    ['timeoutms', 'timeout_ms'],
  ])('%s means %s', (written, meant) => {
    expect(suggestion(written, TASK_KEYS)).toBe(`; did you mean "${meant}"?`);
  });

  it.each(['xyz', 'n', 'colour', 'a'.repeat(100_000)])('nothing is close to %.10s', (written) => {
    expect(suggestion(written, TASK_KEYS)).toBe('');
  });
});

describe('examples/batch.json', () => {
  const path = fileURLToPath(new URL('../../examples/batch.json', import.meta.url));
  const parsed = parseJson(readFileSync(path, 'utf8'), path);
  const value = 'value' in parsed ? parsed.value : null;
  const context = {
    baseDir: dirname(path),
    defaults: { outputDir: '/out' },
    overrides: {},
    allowMock: false,
    batchName: 'batch',
  };
  const normalized = normalizeBatch(value, context);

  it('is four tasks: two text2img, one with one reference, one with two', () => {
    if ('problems' in normalized) throw new Error(JSON.stringify(normalized.problems));
    expect(normalized.batch).toMatchObject({ batch_name: 'article-covers', max_workers: 4, warnings: [] });
    expect(normalized.batch.tasks.map(({ mode, input_images }) => `${mode} ${input_images.length}`)).toEqual([
      'generation 0',
      'generation 0',
      'edit 1',
      'edit 2',
    ]);
  });

  it('its references are small real PNGs', async () => {
    const files =
      'batch' in normalized ? normalized.batch.tasks.flatMap(({ input_images }) => input_images) : [];
    expect(files).toHaveLength(3);
    for (const file of files) {
      expect(statSync(file).size).toBeLessThan(60 * 1024);
      const { info } = await sharp(file, { failOn: 'warning' }).raw().toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ width: 512, height: 512 });
      expect((await sharp(file).metadata()).format).toBe('png');
    }
  });
});
