/**
 * What requests cost by the price table of the config (SPEC R8). Money is counted in micros, whole millionths of the
 * currency's unit, so that sums are exact. Pure.
 */
import { type AttemptRecord, type BillingTally, billingTally, type Usage } from './records.ts';
import type { NormalizedTask } from './task.ts';

/** `prices` of the config, amounts in micros. */
export interface PriceTable {
  /** Of every amount in it: three capital letters (ISO 4217), such as `USD`. */
  currency: string;
  /** An order whose estimate is above is asked about on a terminal; null: none is. */
  ask_above_micros: number | null;
  /** By `provider/model`. */
  models: ReadonlyMap<string, ModelPrices>;
}

export interface ModelPrices {
  /** By size (`WxH`), in it by quality; `other` in either place stands for everything that is not listed. */
  image_micros: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Null: a request costs what its image costs. */
  tokens: TokenPrices | null;
}

/** Micros for a million tokens. */
export interface TokenPrices {
  text_input: number;
  image_input: number;
  output: number;
}

/** Key of the price table for what is not listed. */
export const OTHER = 'other';

/** What one task's requests cost, as its order file keeps it: the price of the day on which it was admitted. */
export interface TaskPrice {
  currency: string;
  /** Expected for one request. */
  request_micros: number;
  /** Where the config has them an answer costs what its `usage` says, when that can be believed. */
  tokens?: TokenPrices;
}

/** Most that one amount may be, in units of the currency. */
export const AMOUNT_MAX = 100_000;

const MICROS = 1_000_000;

/** Micros of an amount in units of the currency; null for what is none: below 0, over `AMOUNT_MAX`, finer than a micro. */
export function amountMicros(amount: unknown): number | null {
  if (typeof amount !== 'number' || !(amount >= 0 && amount <= AMOUNT_MAX)) return null;
  const micros = Math.round(amount * MICROS);
  return micros / MICROS === amount ? micros : null;
}

/** `1.27 USD`: two decimals, more only where there are more. */
export function moneyText(micros: number, currency: string): string {
  const decimals = String(micros % MICROS)
    .padStart(6, '0')
    .replace(/0{1,4}$/u, '');
  return `${Math.floor(micros / MICROS)}.${decimals} ${currency}`;
}

/** `1.27 USD spent`, `0.21 USD possibly`; empty where no price is configured. */
export function moneyFacts({
  currency,
  spent_micros = 0,
  possibly_spent_micros = 0,
}: BillingTally): string[] {
  if (currency === undefined) return [];
  const possibly = `${moneyText(possibly_spent_micros, currency)} possibly`;
  return [`${moneyText(spent_micros, currency)} spent`, ...(possibly_spent_micros === 0 ? [] : [possibly])];
}

/** Null when the table has no price for it. A task that only pretends costs nothing (SPEC M). */
export function taskPrice(
  { currency, models }: PriceTable,
  task: Pick<NormalizedTask, 'provider' | 'model' | 'size' | 'options' | 'prompt' | 'mock'> & {
    input_images: readonly unknown[];
  },
): TaskPrice | null {
  if (task.mock !== undefined) return { currency, request_micros: 0 };
  const prices = models.get(`${task.provider}/${task.model}`);
  const image = prices && imageMicros(prices.image_micros, task.size, task.options.quality ?? AUTO);
  if (prices === undefined || image === undefined) return null;
  const { tokens } = prices;
  if (tokens === null) return { currency, request_micros: image };
  return { currency, request_micros: image + inputMicros(tokens, task), tokens };
}

/** What one order may cost. */
export interface Estimate {
  currency: string;
  /** One request for each task. */
  expected_micros: number;
  /** Every request that `max_attempts` allows, each of them charged. */
  at_most_micros: number;
}

/** Null without a table, and when a task has no price: half a sum would deceive. */
export function estimateOf(table: PriceTable | null, tasks: readonly NormalizedTask[]): Estimate | null {
  if (table === null) return null;
  const estimate = { currency: table.currency, expected_micros: 0, at_most_micros: 0 };
  for (const task of tasks) {
    const price = taskPrice(table, task);
    if (price === null) return null;
    estimate.expected_micros += price.request_micros;
    estimate.at_most_micros += price.request_micros * task.max_attempts;
  }
  return estimate;
}

/** Requests by billing class, with what they cost where the task has a price. */
export function billed(attempts: readonly AttemptRecord[], price: TaskPrice | undefined): BillingTally {
  const counts = billingTally(attempts);
  if (price === undefined) return counts;
  const sum = (billing: AttemptRecord['billing']) =>
    attempts
      .filter((attempt) => attempt.billing === billing)
      .reduce((micros, { answer }) => micros + requestMicros(price, answer?.usage ?? null), 0);
  return {
    ...counts,
    currency: price.currency,
    spent_micros: sum('yes'),
    possibly_spent_micros: sum('possible'),
  };
}

/** What the provider chooses itself is counted at the highest price listed. */
const AUTO = 'auto';

function imageMicros(bySize: ModelPrices['image_micros'], size: string, quality: string): number | undefined {
  const prices = chosen(bySize, size).flatMap((byQuality) => chosen(byQuality, quality));
  return prices.length === 0 ? undefined : Math.max(...prices);
}

function chosen<Value>(table: ReadonlyMap<string, Value>, key: string): Value[] {
  if (key === AUTO) return [...table.values()];
  const value = table.get(key) ?? table.get(OTHER);
  return value === undefined ? [] : [value];
}

/** Estimates of what is sent, on the high side: gpt-image-2 counted 800 to 1,600 tokens for one reference image. */
const TOKENS_PER_REFERENCE = 1_600;
const CHARACTERS_PER_TOKEN = { ascii: 4, other: 1 } as const;

function inputMicros(
  { text_input, image_input }: TokenPrices,
  { prompt, input_images }: { prompt: string; input_images: readonly unknown[] },
): number {
  const ascii = prompt.replaceAll(/[^ -~]/gu, '').length;
  const text = Math.ceil(
    ascii / CHARACTERS_PER_TOKEN.ascii + (prompt.length - ascii) / CHARACTERS_PER_TOKEN.other,
  );
  return tokenMicros([
    [text, text_input],
    [input_images.length * TOKENS_PER_REFERENCE, image_input],
  ]);
}

function requestMicros({ request_micros, tokens }: TaskPrice, usage: Usage | null): number {
  return (tokens && usage && usageMicros(tokens, usage)) ?? request_micros;
}

/**
 * Null when the counts are not to be believed: one of them is no count, or a delivered image would have cost no output, as
 * gateways say that count nothing. Input that is not told apart costs the higher price.
 */
function usageMicros({ text_input, image_input, output }: TokenPrices, usage: Usage): number | null {
  const details = (usage['input_tokens_details'] ?? {}) as Usage;
  const [input, text, image, out] = [
    countOf(usage['input_tokens']),
    countOf(details['text_tokens']),
    countOf(details['image_tokens']),
    countOf(usage['output_tokens']),
  ];
  if (input === null || text === null || image === null || out === null || out === 0) return null;
  return tokenMicros([
    [text, text_input],
    [image, image_input],
    [Math.max(0, input - text - image), Math.max(text_input, image_input)],
    [out, output],
  ]);
}

/** More tokens than any image has: whoever says so is not believed. */
const TOKENS_MAX = 10_000_000;

/** 0 for what is not told; null for what is no count. */
function countOf(value: unknown): number | null {
  const count = value ?? 0;
  return Number.isInteger(count) && (count as number) >= 0 && (count as number) <= TOKENS_MAX
    ? (count as number)
    : null;
}

/** Rounded up to a whole micro; the products are too large for exact floating numbers. */
function tokenMicros(counts: readonly [tokens: number, microsPerMillion: number][]): number {
  const sum = counts.reduce((total, [tokens, micros]) => total + BigInt(tokens) * BigInt(micros), 0n);
  return Number((sum + 999_999n) / 1_000_000n);
}
