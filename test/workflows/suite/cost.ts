/** What an order costs (SPEC R8): the worker's config has the prices, the provider's call log is the judge. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import type { World } from './world.ts';

/** Each request, unless its answer says more exactly. */
const FIVE_CENTS = { perImage: 0.05 };
const PER_TOKEN = { perImage: 0.05, perMillionTokens: { textInput: 5, imageInput: 8, output: 30 } };

export function cost(world: World): void {
  const setPrice = async (price: object | null) => {
    const { path } = world.system.settings.ownConfig;
    const { prices: _, ...config } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    const prices = { currency: 'USD', models: { 'happy/gpt-image-2': price } };
    await writeFile(path, JSON.stringify(price === null ? config : { ...config, prices }));
  };
  afterEach(() => setPrice(null));

  test('by the price per image: spent and possibly spent, of each task and of the batch', async () => {
    const { system, resultOf } = world;
    await setPrice(FIVE_CENTS);
    const prompts = ['priced plainly', 'priced twice [fault:500 times=1]', 'refused for free [fault:400]'];
    const tasks = prompts.map((prompt, i) => ({ prompt, task_name: `t${i + 1}` }));
    const summary = await (await system.startBatch(system.batch(tasks))).result();
    const usd = (spent_micros: number, possibly_spent_micros: number) => ({
      currency: 'USD',
      spent_micros,
      possibly_spent_micros,
    });
    expect(summary.cost).toEqual({ no: 1, possible: 1, yes: 2, ...usd(100_000, 50_000) });
    const { results, cost: recorded } = await system.recordOf(summary);
    expect(recorded).toEqual(summary.cost);
    expect(results.map(({ billing }) => billing)).toMatchObject([
      usd(50_000, 0),
      usd(50_000, 50_000),
      usd(0, 0),
    ]);
    const result = await resultOf(results[1]?.result_json);
    expect(result.billing).toEqual({ no: 0, possible: 1, yes: 1, ...usd(50_000, 50_000) });
  });

  test('by the usage of the answers where tokens have prices', async () => {
    const { resultOf, system } = world;
    await setPrice(PER_TOKEN);
    const task = await system.startTask(world.alone({ prompt: 'priced by tokens', task_name: 'tokens' }));
    const { billing, result_json } = await task.result();
    const { usage } = await resultOf(result_json);
    const { input_tokens_details: input, output_tokens } = usage as {
      input_tokens_details: { text_tokens: number; image_tokens: number };
      output_tokens: number;
    };
    const spent_micros = input.text_tokens * 5 + input.image_tokens * 8 + output_tokens * 30;
    expect(spent_micros).toBeGreaterThan(0);
    expect(billing).toMatchObject({ yes: 1, currency: 'USD', spent_micros, possibly_spent_micros: 0 });
  });

  test('without a price counts and tokens, no money', async () => {
    const { resultOf, system } = world;
    const summary = await (await system.startBatch(system.batch([{ prompt: 'without a price' }]))).result();
    expect(summary.cost).toEqual({ no: 0, possible: 0, yes: 1 });
    const [row] = (await system.recordOf(summary)).results;
    const { usage, billing } = await resultOf(row?.result_json);
    expect([Object.keys(billing), usage]).toEqual([
      ['no', 'possible', 'yes'],
      expect.objectContaining({ output_tokens: expect.any(Number) as unknown }),
    ]);
  });
}
