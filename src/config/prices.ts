/** `prices` of imgproof's own config (SPEC R8): amounts as people write them become micros; all problems at once. */
import {
  AMOUNT_MAX,
  amountMicros,
  type ModelPrices,
  OTHER,
  type PriceTable,
  type TokenPrices,
} from '../domain/cost.ts';
import { QUALITIES } from '../domain/task.ts';
import { isObject, type JsonObject } from '../host/config-file.ts';
import { unknownKeys } from './unknown-keys.ts';

const KEYS = ['currency', 'askAbove', 'models'];
const MODEL_KEYS = ['perImage', 'perMillionTokens'];
const TOKEN_KEYS = { textInput: 'text_input', imageInput: 'image_input', output: 'output' } as const;

/** `problems`: one text each, with the field that it concerns; then the table is of no use. */
export function priceTable(value: unknown): { table: PriceTable; problems: string[] } {
  const reader = new PriceReader();
  const block = reader.object('prices', value, KEYS);
  const { currency, askAbove } = block;
  if (typeof currency !== 'string' || !/^[A-Z]{3}$/u.test(currency))
    reader.wrong('prices.currency', 'three capital letters such as "USD"');
  const models = Object.entries(reader.object('prices.models', block['models'])).map(
    ([name, model]): [string, ModelPrices] => [name, reader.model(name, model)],
  );
  const table = {
    currency: String(currency),
    ask_above_micros: askAbove === undefined ? null : reader.amount('prices.askAbove', askAbove),
    models: new Map(models),
  };
  return { table, problems: reader.problems };
}

/** Reads on after a problem, so that all of them are told. */
class PriceReader {
  readonly problems: string[] = [];

  wrong(field: string, expected: string): void {
    this.problems.push(`${field} must be ${expected}`);
  }

  object(field: string, value: unknown, known?: readonly string[]): JsonObject {
    if (!isObject(value)) {
      this.wrong(field, 'an object');
      return {};
    }
    if (known !== undefined) this.problems.push(...unknownKeys(value, known, `${field}.`));
    return value;
  }

  amount(field: string, value: unknown): number {
    const micros = amountMicros(value);
    if (micros === null) this.wrong(field, `a number from 0 to ${AMOUNT_MAX} with at most 6 decimals`);
    return micros ?? 0;
  }

  model(name: string, value: unknown): ModelPrices {
    const field = `prices.models[${JSON.stringify(name.slice(0, 80))}]`;
    if (!/^[^/]+\/.+$/u.test(name)) this.wrong(field, 'named provider/model, such as "happy/gpt-image-2"');
    const { perImage, perMillionTokens } = this.object(field, value, MODEL_KEYS);
    return {
      image_micros: this.#perImage(`${field}.perImage`, perImage),
      tokens:
        perMillionTokens === undefined ? null : this.#perToken(`${field}.perMillionTokens`, perMillionTokens),
    };
  }

  /** One price for all, or by size; in a size likewise, or by quality. */
  #perImage(field: string, value: unknown): ModelPrices['image_micros'] {
    const bySize = typeof value === 'number' ? { [OTHER]: value } : this.object(field, value);
    if (Object.keys(bySize).length === 0 && isObject(value)) this.wrong(field, 'a price, or prices by size');
    return new Map(
      Object.entries(bySize).map(([size, prices]) => {
        const place = `${field}[${JSON.stringify(size.slice(0, 40))}]`;
        if (size !== OTHER && !/^[1-9]\d{0,4}x[1-9]\d{0,4}$/u.test(size))
          this.wrong(place, `under a size such as "1024x1024", or "${OTHER}"`);
        return [size, this.#byQuality(place, prices)];
      }),
    );
  }

  #byQuality(field: string, value: unknown): ReadonlyMap<string, number> {
    if (!isObject(value)) return new Map([[OTHER, this.amount(field, value)]]);
    if (Object.keys(value).length === 0) this.wrong(field, 'a price, or prices by quality');
    const known = [...QUALITIES.filter((quality) => quality !== 'auto'), OTHER];
    this.problems.push(...unknownKeys(value, known, `${field}.`));
    return new Map(
      Object.entries(value).map(([quality, price]) => [quality, this.amount(`${field}.${quality}`, price)]),
    );
  }

  #perToken(field: string, value: unknown): TokenPrices {
    const block = this.object(field, value, Object.keys(TOKEN_KEYS));
    const prices = Object.entries(TOKEN_KEYS).map(([key, name]) => [
      name,
      this.amount(`${field}.${key}`, block[key]),
    ]);
    return Object.fromEntries(prices) as TokenPrices;
  }
}
