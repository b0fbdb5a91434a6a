import { homedir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { task, taskProblems } from '../support/intake.ts';

describe('reference images (G2, H3)', () => {
  it('all fields are combined in their order, the same path counts once', () => {
    const fields = {
      images: 'e.png, ./sub/../a.png',
      input_images: ['d.png', '/data/b.png'],
      reference_image: 'c.png',
      image: 'b.png',
      input_image: 'a.png',
    };
    expect(task(fields).input_images).toEqual([
      '/data/a.png',
      '/data/b.png',
      '/data/c.png',
      '/data/d.png',
      '/data/e.png',
    ]);
  });

  it.each([
    ['a list', ['a.png', 'b, c.png']],
    ['a JSON-array string', '["a.png", "b, c.png"]'],
  ])('%s keeps commas in names', (_, images) => {
    expect(task({ images }).input_images).toEqual(['/data/a.png', '/data/b, c.png']);
  });

  it('~/ is the home directory of whoever asks', () => {
    expect(task({ image: '~/a.png' }).input_images).toEqual([`${homedir()}/a.png`]);
  });

  it.each([
    ['6 references', { images: 'abcdef'.split('') }, 'tasks[0].images: 6 reference images; at most 5'],
    [
      '6 in several fields',
      { image: 'f', images: 'a,b,c,d,e' },
      'tasks[0].images: 6 reference images; at most 5',
    ],
    [
      'a URL',
      { image: 'https://example.com/a.png' },
      'tasks[0].image: "https://example.com/a.png" is a URL; give the path of a file',
    ],
    ['an empty path', { image: '' }, 'tasks[0].image: is empty'],
    ['an empty path in a list', { images: ['a.png', ' '] }, 'tasks[0].images[1]: is empty'],
    [
      'an empty path between commas',
      { images: 'a.png,,b.png' },
      'tasks[0].images: an empty path in "a.png,,b.png"',
    ],
    [
      'a broken JSON array',
      { images: '["a.png"' },
      String.raw`tasks[0].images: "[\"a.png\"" is not a JSON array of paths`,
    ],
    ['a number in a list', { images: ['a.png', 3] }, 'tasks[0].images[1]: expected a string, got 3'],
    ['a NUL in the path', { image: 'a\0.png' }, 'tasks[0].image: the path contains a control character'],
  ])('%s is a problem of its task', (_, fields, problem) => {
    expect(taskProblems(fields)).toEqual([problem]);
  });

  it('where nothing could be relative to, only absolute paths are accepted', () => {
    const context = { baseDir: null };
    expect(task({ image: '/abs/../a.png' }, context).input_images).toEqual(['/a.png']);
    expect(taskProblems({ image: 'a.png' }, context)).toEqual([
      'tasks[0].image: "a.png" is a relative path; paths are the worker’s, and only absolute ones mean something there',
    ]);
    expect(taskProblems({ image: '~/a.png' }, context)).toHaveLength(1);
    expect(taskProblems({ output_dir: 'out' }, context)).toEqual([
      'tasks[0].output_dir: "out" is a relative path; paths are the worker’s, and only absolute ones mean something there',
    ]);
  });
});

describe('sizes (G4)', () => {
  it.each(['auto', '1024x1024', '1536x1024', '3840x2160', '2880x2880', '1024x640', '1488x496'])(
    '%s is possible with gpt-image-2',
    (size) => {
      expect(task({ size }).size).toBe(size);
    },
  );

  it.each([
    ['1000x1024', /multiples of 16/u],
    ['3856x2048', /at most 3840/u],
    ['3072x1008', /at most 3:1/u],
    ['768x848', /at least 655360/u],
    ['3840x2176', /at most 8294400/u],
    ['1024X1024', /is not a size/u],
    ['1024', /is not a size/u],
    ['0x0', /is not a size/u],
  ])('%s is not', (size, message) => {
    expect(taskProblems({ size })).toEqual([expect.stringMatching(message)]);
    expect(taskProblems({ size, model: 'gpt-image-2-2026-04-21' })).toHaveLength(1);
  });

  it('of other models only the shape is checked', () => {
    expect(task({ size: '999x333', model: 'other' }).size).toBe('999x333');
    expect(taskProblems({ size: '999 x 333', model: 'other' })).toHaveLength(1);
  });
});

describe('a mock (M)', () => {
  const context = { allowMock: true };

  it('has the provider mock, whatever was asked for', () => {
    expect(task({ mock_exit_code: 2, provider: 'happy' }, context)).toMatchObject({
      provider: 'mock',
      mock: { sleep_ms: 0, exit_code: 2, output_text: '' },
    });
  });

  it('a task without its fields is none', () => {
    expect(task({}, context)).not.toHaveProperty('mock');
  });
});

describe('rules for single fields', () => {
  it.each<[string, object, string | null]>([
    ['a prompt of white space', { prompt: ' \n' }, 'prompt: is empty'],
    ['a prompt of 32,000 characters', { prompt: '\u{1F408}'.repeat(32_000) }, null],
    ['one more', { prompt: 'a'.repeat(32_001) }, 'prompt: is longer than 32000 characters'],
    ['half of a character', { prompt: 'a\uD800' }, 'prompt: contains half of a character (a lone surrogate)'],
    ['no attempt', { max_attempts: 0 }, 'max_attempts: 0 is below the minimum of 1'],
    ['6 attempts', { max_attempts: 6 }, 'max_attempts: 6 is over the limit of 5'],
    ['half an attempt', { max_attempts: 1.5 }, 'max_attempts: expected a whole number, got 1.5'],
    [
      'a mock where none is allowed (M)',
      { mock_sleep: 1 },
      'mock_sleep: works only where IMGPROOF_ALLOW_MOCK=1 is set for the worker; a mock must never pass for an image',
    ],
    [
      'a mock without any effect where none is allowed (M)',
      { mock_output_text: '' },
      'mock_output_text: works only where IMGPROOF_ALLOW_MOCK=1 is set for the worker; a mock must never pass for an image',
    ],
    [
      'a task limit under a second',
      { task_timeout_seconds: 0.5 },
      'task_timeout_seconds: 0.5 is below the minimum of 1',
    ],
    [
      'a task limit over a day',
      { task_timeout_seconds: 86_401 },
      'task_timeout_seconds: 86401 is over the limit of 86400',
    ],
    ['a request limit under a second', { timeout_ms: 999 }, 'timeout_ms: 999 is below the minimum of 1000'],
    [
      'a request limit over an hour',
      { timeout_ms: 3_600_001 },
      'timeout_ms: 3600001 is over the limit of 3600000',
    ],
    ['a text for a number', { timeout_ms: '600' }, 'timeout_ms: expected a number, got "600"'],
    ['no size check for a wrong model', { model: '', size: '999x999' }, 'model: is empty'],
    ['null', { provider: null }, 'provider: expected a string, got null'],
    [
      'compression of a png',
      { output_compression: 80 },
      'output_compression: is for output_format "jpeg" or "webp" only',
    ],
    ['compression of a webp', { output_compression: 80, output_format: 'webp' }, null],
    [
      'compression over 100',
      { output_compression: 101, output_format: 'webp' },
      'output_compression: 101 is over the limit of 100',
    ],
    [
      'a transparent jpeg',
      { background: 'transparent', output_format: 'jpeg' },
      'background: "transparent" needs output_format "png" or "webp"',
    ],
    ['a transparent png', { background: 'transparent' }, null],
    [
      'an unknown format',
      { output_format: 'gif', output_compression: 3 },
      'output_format: "gif" is not one of "png", "jpeg", "webp"',
    ],
    ['on_unknown hold', { on_unknown: 'hold' }, null],
    [
      'an unknown on_unknown',
      { on_unknown: 'twice' },
      'on_unknown: "twice" is not one of "retry", "once", "hold"',
    ],
    ['an empty key', { task_key: '' }, 'task_key: has 0 bytes; 1 to 200 are allowed'],
    ['a key of 201 bytes', { task_key: '字'.repeat(67) }, 'task_key: has 201 bytes; 1 to 200 are allowed'],
    ['a key with a line break', { task_key: 'a\nb' }, 'task_key: contains a control character'],
    ['a key that is not NFC', { task_key: 'e\u0301' }, 'task_key: is not in Unicode normal form NFC'],
    [
      'resume in a batch',
      { resume: true },
      'resume: is for a task that is started alone; a batch adopts proven results by itself',
    ],
    ['n', { n: 2 }, 'n: is always 1; list a task once for each image'],
    [
      'response_format',
      { response_format: 'url' },
      'response_format: is never sent to the provider; leave it out',
    ],
    [
      'a shell command',
      { mock_command: 'rm -rf /' },
      'mock_command: is refused: a task must not be able to run a shell command',
    ],
    ['a field of the batch', { max_workers: 2 }, 'max_workers: belongs to the top level of a batch'],
  ])('%s', (_, fields, problem) => {
    expect(taskProblems(fields)).toEqual(problem === null ? [] : [`tasks[0].${problem}`]);
  });
});
