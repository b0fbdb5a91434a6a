import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { batchRequestOf } from '../../src/cli/order.ts';
import { normalizeTask } from '../../src/intake/normalize.ts';
import { batch, batchProblems, INTAKE_CONTEXT as CONTEXT, task } from '../support/intake.ts';

describe('a task with every default (G1, G3)', () => {
  it('without references is text2img', () => {
    expect(task({})).toEqual({
      task_name: 'image',
      prompt: 'a cat',
      raw: false,
      mode: 'generation',
      provider: 'happy',
      model: 'gpt-image-2',
      size: '1024x1024',
      options: {},
      input_images: [],
      timeout_ms: 600_000,
      task_timeout_ms: null,
      on_unknown: 'retry',
      max_attempts: 3,
      retry_base_delay_ms: 8_000,
      retry_max_delay_ms: 45_000,
      retry_jitter_ms: 5_000,
      output_dir: '/out',
      resume: false,
    });
  });

  it('with a reference is img2img', () => {
    expect(task({ image: 'a.png' })).toMatchObject({ mode: 'edit', input_images: ['/data/a.png'] });
  });

  it('keeps the prompt exactly as written', () => {
    expect(task({ prompt: '  一只猫\n"cat" \u{1F408} ' }).prompt).toBe('  一只猫\n"cat" \u{1F408} ');
  });

  it('has the fields of G4 only when they are set', () => {
    const options = {
      quality: 'high',
      background: 'opaque',
      output_format: 'webp',
      output_compression: 80,
      moderation: 'low',
    };
    expect(task(options).options).toEqual(options);
  });
});

describe('flag over task over batch over environment and config over default (G3)', () => {
  const defaults = { provider: 'from-env', model: 'model-env', outputDir: '/out' };
  const value = {
    provider: 'from-batch',
    size: '1536x1024',
    tasks: [{ prompt: 'a', provider: 'from-task' }, { prompt: 'b' }],
  };

  it.each([
    ['nothing but the environment', { tasks: [{ prompt: 'a' }] }, {}, ['from-env']],
    ['task over batch', value, {}, ['from-task', 'from-batch']],
    ['flag over both', value, { provider: 'from-flag' }, ['from-flag', 'from-flag']],
  ])('%s', (_, request, overrides, providers) => {
    expect(batch(request, { defaults, overrides }).tasks.map((task) => task.provider)).toEqual(providers);
  });

  it('a relative output folder of a flag means the current directory, one of the file the file’s folder', () => {
    const context = { overridesDir: '/cwd', overrides: { output_dir: 'pictures' } };
    expect(batch({ output_dir: 'x', tasks: [{ prompt: 'a' }] }, context)).toMatchObject({
      output_dir: '/cwd/pictures',
    });
    expect(batch({ output_dir: 'x', tasks: [{ prompt: 'a' }] }).tasks[0]?.output_dir).toBe('/data/x');
  });

  it('a wrong flag is one problem, however many tasks it concerns', () => {
    const tasks = [{ prompt: 'a' }, { prompt: 'b' }];
    expect(batchProblems({ tasks }, { overrides: { size: '999x999' } })).toEqual([
      '--size: 999x999 is not possible with gpt-image-2: width and height must be multiples of 16',
    ]);
    expect(batchProblems({ tasks }, { overrides: { max_attempts: 7 } })).toEqual([
      '--max-attempts: 7 is over the limit of 5',
    ]);
  });
});

describe('a batch (B1, B2)', () => {
  it('has default names and limits; equal keys are no problem here (B5)', () => {
    const request = {
      tasks: [
        { prompt: 'a', task_key: 'k' },
        { prompt: 'b', task_key: 'k' },
        { prompt: 'c', task_name: 'hero' },
      ],
    };
    const result = batch(request);
    expect(result).toMatchObject({
      batch_name: 'covers',
      max_workers: 4,
      queue_limit: 200,
      again: false,
      output_dir: '/out',
      warnings: [],
    });
    expect(result.tasks.map(({ task_name }) => task_name)).toEqual(['task-01', 'task-02', 'hero']);
  });

  it.each([
    [9, 4, ['max_workers: 9 is over the limit of 4; 4 images are made at a time']],
    [0, 1, ['max_workers: 0 is below the minimum of 1; 1 image is made at a time']],
    [-3, 1, ['max_workers: -3 is below the minimum of 1; 1 image is made at a time']],
    [2, 2, []],
  ])('max_workers %i is clamped to %i with a warning, no error', (wished, used, warnings) => {
    expect(batch({ max_workers: wished, tasks: [{ prompt: 'a' }] })).toMatchObject({
      max_workers: used,
      warnings,
    });
    expect(batch({ tasks: [{ prompt: 'a' }] }, { overrides: { max_workers: wished } })).toMatchObject({
      max_workers: used,
      warnings,
    });
  });

  it('send_to_feishu does nothing but warn, once (G7)', () => {
    const { warnings } = batch({
      send_to_feishu: true,
      to_open_id: 'ou_1',
      tasks: [
        { prompt: 'a', send_to_feishu: true },
        { prompt: 'b', no_send: true },
      ],
    });
    expect(warnings).toEqual([expect.stringMatching(/^send_to_feishu: nothing is sent/u)]);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, ': expected an object with tasks, got nothing'],
    ['null', null, ': expected an object with tasks, got null'],
    ['a string', 'tasks', ': expected an object with tasks, got "tasks"'],
    ['a number', 7, ': expected an object with tasks, got 7'],
    ['an array', [{ prompt: 'a' }], ': expected an object with tasks, got a list'],
    ['0 tasks', { tasks: [] }, 'tasks: there are no tasks; at least one is needed'],
    ['no tasks', {}, 'tasks: is missing'],
    ['tasks that are no list', { tasks: { prompt: 'a' } }, 'tasks: expected a list, got an object'],
    [
      'a queue limit of 10,001',
      { queue_limit: 10_001, tasks: [{ prompt: 'a' }] },
      'queue_limit: 10001 is over the limit of 10000',
    ],
    ['a task’s field at the top', { prompt: 'a', tasks: [{ prompt: 'a' }] }, 'prompt: belongs into a task'],
  ])('%s is a problem', (_, value, problem) => {
    expect(batchProblems(value)).toEqual([problem]);
  });

  it('more tasks than one run can carry are a problem only when they would be admitted', () => {
    const tasks = Array.from({ length: 401 }, () => ({ prompt: 'a' }));
    expect(batch({ tasks }).tasks).toHaveLength(401);
    expect(batchProblems({ queue_limit: 400, tasks })).toEqual([]);
    expect(batchProblems({ queue_limit: 401, tasks })).toEqual([
      'tasks: 401 tasks; this version runs at most 400 per batch: split the file',
    ]);
  });

  it('an own key named __proto__ changes nothing and is a problem', () => {
    const value: unknown = JSON.parse('{"tasks": [{"prompt": "a", "__proto__": {"max_attempts": 9}}]}');
    expect(batchProblems(value)).toEqual(['tasks[0].__proto__: unknown key']);
  });
});

describe('a task alone', () => {
  it('may take everything from flags, the prompt too', () => {
    const result = normalizeTask(
      {},
      { ...CONTEXT, overrides: { prompt: 'a', resume: true, images: ['x.png'] } },
    );
    expect(result).toMatchObject({
      task: { prompt: 'a', resume: true, input_images: ['/data/x.png'] },
      warnings: [],
    });
  });

  it.each([undefined, null, 'a cat', 3, [{ prompt: 'a' }]])('%j is a problem', (value) => {
    const result = normalizeTask(value, CONTEXT);
    expect(result).toMatchObject({
      problems: [{ path: [], message: expect.stringContaining('expected an object with a prompt') }],
    });
  });
});

it('a normalised batch, written as a request again, is the same batch: client and worker agree', () => {
  const path = fc.stringMatching(/^[a-z0-9 ./~-]{0,12}[a-z]$/u);
  const request = fc.record(
    {
      prompt: fc.string({ minLength: 1, maxLength: 40 }).filter((text) => text.trim() !== ''),
      task_name: fc.stringMatching(/^[a-z]{1,8}$/u),
      image: path,
      images: fc.array(path, { maxLength: 3 }),
      quality: fc.constantFrom('low', 'high'),
      retry_base_delay: fc.integer({ min: 0, max: 900_000 }).map((ms) => ms / 1000),
      raw: fc.boolean(),
      on_unknown: fc.constantFrom('retry', 'once', 'hold'),
    },
    { requiredKeys: ['prompt'] },
  );
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 5 }), (tasks) => {
      const first = batch({ tasks });
      const second = batch(batchRequestOf(first, first.again), {
        baseDir: null,
        defaults: { provider: 'other', outputDir: '/x' },
      });
      expect(second).toEqual(first);
    }),
  );
});

it('max_cost: an amount of the currency, kept in micros; no field of a task (R8)', () => {
  const tasks = [{ prompt: 'a' }];
  expect(batch({ tasks }).max_cost_micros).toBeNull();
  expect(batch({ tasks, max_cost: 0.053 }).max_cost_micros).toBe(53_000);
  expect(batch({ tasks, max_cost: 1 }, { overrides: { max_cost: 2.5 } }).max_cost_micros).toBe(2_500_000);
  for (const max_cost of [0, -1, 100_001, 0.000_000_1])
    expect(batchProblems({ tasks, max_cost })).toEqual([
      'max_cost: is no amount; write one above 0 and up to 100000 with at most 6 decimals',
    ]);
  expect(batchProblems({ tasks, max_cost: '5' })).toEqual(['max_cost: expected a number, got "5"']);
  expect(batchProblems({ tasks: [{ prompt: 'a', max_cost: 5 }] })).toEqual([
    'tasks[0].max_cost: belongs to the top level of a batch',
  ]);
});

it('on_provider_down: a batch pauses, a queue run fails, unless it says otherwise (R7)', () => {
  const tasks = [{ prompt: 'a' }];
  expect(batch({ tasks }).on_provider_down).toBe('pause');
  expect(batch({ tasks, queue: { state_dir: '/q' } }).on_provider_down).toBe('fail');
  expect(batch({ tasks, on_provider_down: 'fail' }).on_provider_down).toBe('fail');
  expect(batchProblems({ tasks, on_provider_down: 'wait' })).toEqual([
    'on_provider_down: "wait" is not one of "pause", "fail"',
  ]);
  expect(batchProblems({ tasks: [{ prompt: 'a', on_provider_down: 'fail' }] })).toEqual([
    'tasks[0].on_provider_down: belongs to the top level of a batch',
  ]);
});

it("a batch's own output_dir stays its own when all of its tasks name another (F3, F10)", () => {
  const tasks = ['a', 'b'].map((prompt) => ({ prompt, output_dir: '/images' }));
  const first = batch({ output_dir: '/proofs', tasks });
  const second = batch(batchRequestOf(first, first.again));
  expect([second, second.output_dir]).toEqual([first, '/proofs']);
});
