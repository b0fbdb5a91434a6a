/** `prices` of imgproof's own config (SPEC R8; docs/provider-config.md). */
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/config.ts';
import { configWorld } from '../support/config-world.ts';

const pricesOf = (prices: unknown) => configWorld({ own: { prices } }).settings.prices;

test('without prices nothing is said about money', () => {
  expect(configWorld().settings.prices).toBeNull();
  expect(configWorld({ own: { defaults: {} } }).settings.prices).toBeNull();
});

test('amounts of the currency become micros: by size and quality, and for a million tokens', () => {
  const table = pricesOf({
    currency: 'USD',
    askAbove: 2.5,
    models: {
      'happy/gpt-image-2': {
        perImage: { '1024x1024': { low: 0.006, high: 0.211, other: 0.053 }, '1536x1024': 0.165, other: 0.4 },
        perMillionTokens: { textInput: 5, imageInput: 8, output: 30 },
      },
      'other/model/v2': { perImage: 0 },
    },
  });
  expect(table).toEqual({
    currency: 'USD',
    ask_above_micros: 2_500_000,
    models: new Map([
      [
        'happy/gpt-image-2',
        {
          image_micros: new Map([
            [
              '1024x1024',
              new Map([
                ['low', 6_000],
                ['high', 211_000],
                ['other', 53_000],
              ]),
            ],
            ['1536x1024', new Map([['other', 165_000]])],
            ['other', new Map([['other', 400_000]])],
          ]),
          tokens: { text_input: 5_000_000, image_input: 8_000_000, output: 30_000_000 },
        },
      ],
      ['other/model/v2', { image_micros: new Map([['other', new Map([['other', 0]])]]), tokens: null }],
    ]),
  });
});

const model = (happy: unknown, rest: object = {}) => ({
  currency: 'USD',
  models: { 'happy/gpt-image-2': happy },
  ...rest,
});
const AMOUNT = 'must be a number from 0 to 100000 with at most 6 decimals';

test.each<[string, unknown, string[]]>([
  ['no object', 5, ['prices must be an object']],
  ['no currency', { models: {} }, ['prices.currency must be three capital letters such as "USD"']],
  ['a sign for a currency', { currency: '$', models: {} }, ['prices.currency must be three capital letters']],
  ['no models', { currency: 'USD' }, ['prices.models must be an object']],
  [
    'a misspelt key',
    model({ perImage: 1 }, { askabove: 1 }),
    ['"prices.askabove"; did you mean "askAbove"?'],
  ],
  ['a limit that is no amount', model({ perImage: 1 }, { askAbove: '5' }), [`prices.askAbove ${AMOUNT}`]],
  ['a price below 0', model({ perImage: -1 }), [`perImage["other"] ${AMOUNT}`]],
  ['a text', model({ perImage: '0.05' }), ['perImage must be an object']],
  ['no price at all', model({}), ['["happy/gpt-image-2"].perImage must be an object']],
  ['no price in the table', model({ perImage: {} }), ['perImage must be a price, or prices by size']],
  [
    'no quality in a size',
    model({ perImage: { '1024x1024': {} } }),
    ['must be a price, or prices by quality'],
  ],
  [
    'a size in words',
    model({ perImage: { square: 1 } }),
    ['perImage["square"] must be under a size such as'],
  ],
  ['a quality nobody has', model({ perImage: { other: { hight: 1 } } }), ['did you mean "high"?']],
  ['auto as a quality', model({ perImage: { other: { auto: 1 } } }), ['unknown key']],
  ['finer than a micro', model({ perImage: 0.000_000_1 }), [AMOUNT]],
  ['a model without provider', { currency: 'USD', models: { m: { perImage: 1 } } }, ['named provider/model']],
  [
    'half of the token prices',
    model({ perImage: 1, perMillionTokens: { output: 30 } }),
    [`perMillionTokens.textInput ${AMOUNT}`, `perMillionTokens.imageInput ${AMOUNT}`],
  ],
  [
    'several things at once',
    model({ perImage: { '1024x1024': { low: -1 }, big: 1 }, perToken: 1 }, { currency: 'usd' }),
    ['prices.currency', 'perToken', '.low must be', '["big"] must be under a size'],
  ],
])('%s is refused, with every problem named', (_, prices, told) => {
  const refusal = refusalOf(prices);
  expect(refusal).toBeInstanceOf(ConfigError);
  expect(refusal.message).toMatch(/config\.json: .*Correct it and try again\.$/u);
  for (const text of told) expect(refusal.message).toContain(text);
});

function refusalOf(prices: unknown): Error {
  try {
    pricesOf(prices);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was not refused');
}
