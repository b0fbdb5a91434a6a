/** What an order costs (SPEC R8): the worker's config has the prices, the provider's call log is the judge. */
import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/cli.ts';
import { pendingAttempt } from '../../support/system.ts';
import { type Batch, progress, untilStill } from './still-batch.ts';
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

  const named = (prompts: readonly string[]) =>
    prompts.map((prompt, i) => ({ prompt, task_name: `t${i + 1}` }));
  const refusalOf = (batch: Batch, request: object) =>
    batch.executeUpdate('resume', { args: [request] }).then(
      () => 'it was not refused',
      (error: unknown) => (error as { cause: Error }).cause.message,
    );

  test('at max_cost the batch pauses: what runs ends, the rest waits; resume with a higher one goes on', async () => {
    const { system, callsFor } = world;
    await setPrice(FIVE_CENTS);
    const tasks = named([1, 2, 3, 4].map((n) => `capped ${n} [fault:ok latency-ms=500]`));
    const batch = await system.startBatch(system.batch(tasks, { max_cost: 0.12 }));
    const { paused, counters, max_cost } = await untilStill(batch);
    expect(paused).toMatchObject({
      by: 'cost_cap',
      reason:
        'max_cost 0.12 USD: 0.00 USD spent, 0.10 USD in flight; the next task is expected to cost 0.05 USD',
    });
    expect([counters, max_cost, callsFor('capped').length]).toMatchObject([
      { completed: 2, queued: 2, running: 0 },
      { currency: 'USD', micros: 120_000 },
      2,
    ]);
    expect((await batch.describe()).memo).toMatchObject({ paused_by: 'cost_cap', paused: paused?.reason });

    // It would pause again at once.
    expect(await refusalOf(batch, {})).toMatch(
      /^max_cost 0\.12 USD: 0\.10 USD spent; the next task .* Give a higher max_cost$/u,
    );
    expect(await refusalOf(batch, { max_cost: 0.149 })).toMatch(/^max_cost 0\.149 USD/u);
    expect(await refusalOf(batch, { max_cost: 0 })).toMatch(/"max_cost" is an amount above 0/u);
    expect((await progress(batch)).paused).toEqual(paused);
    await batch.executeUpdate('resume', { args: [{ max_cost: 0.15 }] });
    expect((await untilStill(batch)).counters).toMatchObject({ completed: 3, queued: 1 });
    await batch.executeUpdate('resume', { args: [{ max_cost: 0.2 }] });
    expect(await batch.result()).toMatchObject({ ok: true, success: 4, cost: { spent_micros: 200_000 } });
    expect(callsFor('capped')).toHaveLength(4);
  });

  test('what may have been spent counts against the cap, what was refused for free does not', async () => {
    const { system, callsFor } = world;
    await setPrice(FIVE_CENTS);
    const tasks = named([
      'beside the cap for free [fault:400]',
      'beside the cap twice [fault:500 times=1]',
      'beside the cap too late',
    ]);
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 1, max_cost: 0.1 }));
    const { paused, counters } = await untilStill(batch);
    expect(paused?.reason).toMatch(/: 0\.05 USD spent, 0\.05 USD possibly; the next/u);
    expect([counters, callsFor('beside the cap').length]).toMatchObject([
      { failed: 1, completed: 1, queued: 1 },
      3,
    ]);
    await batch.executeUpdate('cancelQueued');
    expect(await batch.result()).toMatchObject({ ok: false, success: 1, failed: 1, cancelled: 1 });
    expect(callsFor('beside the cap')).toHaveLength(3);
  });

  test('a request that somebody aborted counts against the cap: it may have been charged', async () => {
    const { system, callsFor, untilCalled } = world;
    await setPrice(FIVE_CENTS);
    const tasks = named(['aborted and charged [fault:ok latency-ms=20000]', 'charged 2', 'charged 3']);
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 1, max_cost: 0.1 }));
    await untilCalled('aborted and charged');
    await batch.executeUpdate('cancelTask', { args: [{ task: 't1', now: true }] });
    const { paused, counters } = await untilStill(batch);
    expect(paused?.reason).toMatch(/: 0\.05 USD spent, 0\.05 USD possibly; the next/u);
    expect(counters).toMatchObject({ cancelled: 1, completed: 1, queued: 1 });
    await batch.executeUpdate('cancelQueued');
    expect(await batch.result()).toMatchObject({ success: 1, cancelled: 2 });
    expect(callsFor('charged 3')).toEqual([]);
  });

  test('what a batch spent before it ended counts against its cap when it is taken up again', async () => {
    const { system, callsFor } = world;
    await setPrice(FIVE_CENTS);
    const id = `capped-before-${Date.now()}`;
    const tasks = named(
      ['spent, no image 1', 'spent, no image 2'].map((text) => `${text} [fault:empty_data]`),
    );
    const { batch_dir, cost: spent } = await (
      await system.startBatch(system.batch(tasks, { max_cost: 0.1 }), id)
    ).result();
    expect(spent).toMatchObject({ yes: 2, spent_micros: 100_000 });
    const again = await system.startBatch({ retry: { batch_dir, failed: true } }, id);
    const { paused, counters } = await untilStill(again);
    expect([paused?.by, counters.queued]).toEqual(['cost_cap', 2]);
    expect(paused?.reason).toMatch(/^max_cost 0\.10 USD: 0\.10 USD spent/u);
    await again.executeUpdate('resume', { args: [{ max_cost: 0.15 }] });
    await untilStill(again);
    expect(callsFor('spent, no image')).toHaveLength(3);
    await again.executeUpdate('cancelAll');
    expect(await again.result()).toMatchObject({ cost: { yes: 3, spent_micros: 150_000 } });
  });

  test('an answer that is paid already needs no room under the cap', async () => {
    const { system, callsFor } = world;
    await setPrice(FIVE_CENTS);
    system.provider.setDownloadStatus(503);
    const id = `paid-already-${Date.now()}`;
    const order = system.batch(named(['paid already [fault:url]']), { max_cost: 0.05 });
    const batch = await system.startBatch(order, id);
    const task = system.client.getHandle(`${id}/t1`);
    await until('the wait for its link', async () => ((await pendingAttempt(task).catch(() => 0)) ?? 0) >= 2);
    await batch.executeUpdate('cancelTask', { args: [{ task: 't1' }] });
    const { batch_dir } = await batch.result();
    system.provider.setDownloadStatus(200);
    const again = await system.startBatch({ retry: { batch_dir, tasks: [`${id}/t1`] } }, id);
    expect(await again.result()).toMatchObject({ success: 1, cost: { yes: 1, spent_micros: 50_000 } });
    expect(callsFor('paid already')).toHaveLength(1);
  });

  test('a cap that is just enough stops nothing', async () => {
    const { system } = world;
    await setPrice(FIVE_CENTS);
    const tasks = named([1, 2, 3].map((n) => `just enough ${n}`));
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 2, max_cost: 0.15 }));
    expect(await batch.result()).toMatchObject({ ok: true, success: 3, cost: { spent_micros: 150_000 } });
  });

  test('a cap without a price for every task is refused before anything is sent', async () => {
    const { system, callsFor } = world;
    await setPrice({ perImage: { '1024x1024': 0.05 } });
    const tasks = [{ prompt: 'no price' }, { prompt: 'no price', size: '2048x2048' }];
    const batch = await system.startBatch(system.batch(tasks, { max_cost: 1 }));
    const failure = await batch.result().catch((error: unknown) => (error as { cause: Error }).cause.message);
    expect(failure).toMatch(/max_cost.*needs a price for every task.*happy\/gpt-image-2 at 2048x2048/su);
    expect(callsFor('no price')).toHaveLength(0);
    // Nor can a cap be set later.
    const slow = { prompt: 'uncapped [fault:ok latency-ms=1500]', size: '2048x2048' };
    const uncapped = await system.startBatch(system.batch([slow]));
    await world.untilCalled('uncapped');
    expect(await refusalOf(uncapped, { max_cost: 1 })).toMatch(/no max_cost can hold/u);
    await uncapped.result();
  });
}
