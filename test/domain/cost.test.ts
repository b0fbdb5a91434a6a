/** The price table applied (SPEC R8): sums are whole micros, the tables of `reference/api.md` 2 among them. */
import { describe, expect, test } from 'vitest';
import {
  amountMicros,
  billed,
  estimateOf,
  type ModelPrices,
  moneyText,
  type PriceTable,
  type TaskPrice,
  taskPrice,
} from '../../src/domain/cost.ts';
import type { AttemptRecord, Usage } from '../../src/domain/records.ts';
import { sumBilling } from '../../src/domain/records.ts';
import type { NormalizedTask } from '../../src/domain/task.ts';

const IMAGES: ModelPrices['image_micros'] = new Map([
  [
    '1024x1024',
    new Map([
      ['low', 6_000],
      ['medium', 53_000],
      ['high', 211_000],
    ]),
  ],
  ['1536x1024', new Map([['other', 165_000]])],
]);
const TOKENS = { text_input: 5_000_000, image_input: 8_000_000, output: 30_000_000 };

function table(model: Partial<ModelPrices> = {}): PriceTable {
  const prices = { image_micros: IMAGES, tokens: null, ...model };
  return { currency: 'USD', ask_above_micros: null, models: new Map([['happy/gpt-image-2', prices]]) };
}

function task(wish: Partial<NormalizedTask> = {}): NormalizedTask {
  const fields = { provider: 'happy', model: 'gpt-image-2', size: '1024x1024', options: {}, prompt: 'a cup' };
  return { ...fields, input_images: [], max_attempts: 3, ...wish } as unknown as NormalizedTask;
}

describe('the expected price of a request', () => {
  test.each<[string, Partial<NormalizedTask>, number | undefined]>([
    ['size and quality as listed', { options: { quality: 'medium' } }, 53_000],
    ['no quality: the highest of that size', {}, 211_000],
    ['quality auto: the highest of that size', { options: { quality: 'auto' } }, 211_000],
    ['any quality of a size with one price', { size: '1536x1024', options: { quality: 'low' } }, 165_000],
    ['size auto: the highest of all sizes', { size: 'auto' }, 211_000],
    ['size auto with a quality', { size: 'auto', options: { quality: 'low' } }, 165_000],
    ['a size that is not listed', { size: '2048x2048' }, undefined],
    ['another model', { model: 'gpt-image-1.5' }, undefined],
    ['another provider', { provider: 'other' }, undefined],
    ['a task that only pretends', { mock: { sleep_ms: 0, exit_code: 0, output_text: '' } }, 0],
  ])('%s', (_, wish, micros) => {
    expect(taskPrice(table(), task(wish))?.request_micros).toBe(micros);
  });

  test('other stands for the sizes that are not listed', () => {
    const image_micros = new Map([...IMAGES, ['other', new Map([['other', 300_000]])]]);
    expect(taskPrice(table({ image_micros }), task({ size: '2048x2048' }))?.request_micros).toBe(300_000);
  });

  test('prices for tokens add what is sent: the prompt and 1,600 tokens for each reference', () => {
    const wish = {
      options: { quality: 'low' as const },
      prompt: '一只杯子',
      input_images: ['/a.png', '/b.png'],
    };
    const price = taskPrice(table({ tokens: TOKENS }), task(wish));
    expect(price).toEqual({ currency: 'USD', request_micros: 6_000 + 4 * 5 + 3_200 * 8, tokens: TOKENS });
  });
});

test('an estimate is one request for each task, and at most what max_attempts allows; nothing when one has no price', () => {
  const tasks = [task(), task({ options: { quality: 'low' }, max_attempts: 1 })];
  expect(estimateOf(table(), tasks)).toEqual({
    currency: 'USD',
    expected_micros: 217_000,
    at_most_micros: 3 * 211_000 + 6_000,
  });
  expect(estimateOf(table(), [...tasks, task({ size: '2048x2048' })])).toBeNull();
  expect(estimateOf(null, tasks)).toBeNull();
});

describe('what requests cost', () => {
  const attempt = (billing: AttemptRecord['billing'], usage?: Usage) =>
    ({ billing, ...(usage === undefined ? {} : { answer: { usage } }) }) as AttemptRecord;
  const perImage: TaskPrice = { currency: 'USD', request_micros: 211_000 };
  const perToken: TaskPrice = { ...perImage, tokens: TOKENS };
  const spent = (price: TaskPrice, usage: Usage) => billed([attempt('yes', usage)], price).spent_micros;

  test('charged and possibly charged ones by the price per image, others nothing', () => {
    const attempts = [attempt('no'), attempt('possible'), attempt('possible'), attempt('yes', {})];
    expect(billed(attempts, perImage)).toEqual({
      no: 1,
      possible: 2,
      yes: 1,
      currency: 'USD',
      spent_micros: 211_000,
      possibly_spent_micros: 422_000,
    });
    expect(billed(attempts, undefined)).toEqual({ no: 1, possible: 2, yes: 1 });
  });

  test('by the usage of the answer where tokens have prices: (20 × 5 + 1024 × 8 + 7024 × 30) / 1e6', () => {
    const usage = {
      input_tokens: 1044,
      input_tokens_details: { text_tokens: 20, image_tokens: 1024 },
      output_tokens: 7024,
    };
    expect(spent(perToken, usage)).toBe(219_012);
    expect(spent(perImage, usage)).toBe(211_000);
  });

  test('input that is not told apart costs the higher price; a fraction of a micro is rounded up', () => {
    expect(spent(perToken, { input_tokens: 10, output_tokens: 100 })).toBe(3_080);
    const odd = { ...perImage, tokens: { ...TOKENS, output: 1_250_000 } };
    expect(spent(odd, { output_tokens: 1 })).toBe(2);
  });

  test.each<[string, Usage]>([
    ['nothing', {}],
    ['zeros', { input_tokens: 0, output_tokens: 0, total_tokens: 0 }],
    [
      'zeros that are told apart',
      {
        input_tokens: 0,
        input_tokens_details: { text_tokens: 0, image_tokens: 0 },
        output_tokens: 0,
        output_tokens_details: { image_tokens: 0, text_tokens: 0 },
        total_tokens: 0,
      },
    ],
    ['input alone', { input_tokens: 1044, output_tokens: 0, total_tokens: 1044 }],
    ['text', { output_tokens: '7024' }],
    ['less than nothing', { output_tokens: -1 }],
    ['less than nothing sent', { input_tokens: -1044, output_tokens: 7024 }],
    [
      'less than nothing among its details',
      { input_tokens_details: { text_tokens: 20, image_tokens: -20 }, output_tokens: 7024 },
    ],
    ['a fraction', { output_tokens: 1.5 }],
    ['a fraction sent', { input_tokens: 0.5, output_tokens: 7024 }],
    ['NaN', { output_tokens: Number.NaN }],
    ['NaN sent', { input_tokens: Number.NaN, output_tokens: 7024 }],
    ['more than any image has', { output_tokens: 1e12 }],
    ['no numbers', { output_tokens: null, input_tokens_details: null }],
  ])('a usage of %s is not believed: the price per image counts', (_, usage) => {
    expect(spent(perToken, usage)).toBe(211_000);
  });

  test('input that its details do not account for costs the higher price', () => {
    const zeros = { text_tokens: 0, image_tokens: 0 };
    expect(spent(perToken, { input_tokens: 10, input_tokens_details: zeros, output_tokens: 100 })).toBe(
      3_080,
    );
    const some = { text_tokens: 4, image_tokens: null };
    expect(spent(perToken, { input_tokens: 10, input_tokens_details: some, output_tokens: 100 })).toBe(3_068);
  });
});

describe('sums', () => {
  const priced = { no: 0, possible: 1, yes: 1, currency: 'USD', spent_micros: 1, possibly_spent_micros: 2 };

  test('add money where every charge has a price', () => {
    expect(sumBilling([priced, priced, { no: 2, possible: 0, yes: 0 }])).toEqual({
      no: 2,
      possible: 2,
      yes: 2,
      currency: 'USD',
      spent_micros: 2,
      possibly_spent_micros: 4,
    });
  });

  test.each([
    ['a charge has none', { no: 0, possible: 1, yes: 0 }],
    ['another has another currency', { ...priced, currency: 'CNY' }],
  ])('say nothing of money when %s', (_, other) => {
    expect(Object.keys(sumBilling([priced, other]))).toEqual(['no', 'possible', 'yes']);
  });
});

test('amounts read as people write them', () => {
  expect(
    [0, 211_000, 1_270_000, 53_100, 1, 100_000_000_000].map((micros) => moneyText(micros, 'USD')),
  ).toEqual(['0.00 USD', '0.211 USD', '1.27 USD', '0.0531 USD', '0.000001 USD', '100000.00 USD']);
  const amounts = [0, 0.053, 100_000, 1.25, 0.0000001, -1, 100_001, Number.NaN, '5', null];
  expect(amounts.map(amountMicros)).toEqual([
    0,
    53_000,
    100_000_000_000,
    1_250_000,
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
});
