/** Money on the command line (SPEC R8, C3): the built CLI on its own stack; the provider's call log is the judge. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { type Cli, startCliAndProvider, until } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { writeReference } from '../support/reference-image.ts';
import { onTerminal } from '../support/terminal.ts';

const BIN = fileURLToPath(new URL('../../bin/imgproof.js', import.meta.url));

let cli: Cli;
let provider: ProviderServer;
beforeAll(async () => {
  const started = await startCliAndProvider();
  ({ cli, provider } = started);
  await writeConfig({ currency: 'USD', askAbove: 0.5, models: { 'happy/gpt-image-2': { perImage: 0.05 } } });
  return started.stop;
}, 120_000);

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.startsWith(part)).length;
const tasks = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ task_name: `t${i + 1}`, prompt: `${name} ${i + 1}` }));

interface Told {
  exit_code: number;
  reason: string;
  cost: object;
  estimate: object;
}
const told = (stdout: string) => JSON.parse(stdout) as Told;

test('a dry run checks everything and tells the estimate; it leaves no home, no call and no order', async () => {
  const env = { IMGPROOF_HOME: join(cli.folder, 'no home') };
  const reference = join(cli.folder, 'reference.png');
  await writeReference(reference);
  const file = await cli.batchFile('dry.json', [
    ...tasks('dry', 3),
    { prompt: 'dry 4', input_image: reference },
  ]);
  const batch = await cli.run(['batch', file, '--dry-run', '--json', '--max-cost', '0.12'], { env });
  expect([batch.code, told(batch.stdout)]).toMatchObject([
    0,
    {
      ok: true,
      dry_run: true,
      total: 4,
      models: 'happy/gpt-image-2',
      estimate: { currency: 'USD', expected_micros: 200_000, at_most_micros: 600_000 },
      max_cost_micros: 120_000,
    },
  ]);
  const one = await cli.run(['run', '--prompt', 'dry one', '--max-attempts', '1', '--dry-run'], { env });
  expect([one.code, one.stdout]).toEqual([
    0,
    '1 task  happy/gpt-image-2\n  estimate  about 0.05 USD\n' +
      '  Everything was checked; nothing was sent and nothing was ordered.\n',
  ]);
  const queue = await cli.run(['queue', 'run', `@${file}`, '--dry-run'], { env });
  expect([queue.code, told(queue.stdout).estimate]).toMatchObject([0, { expected_micros: 200_000 }]);
  // A worker elsewhere has prices of its own; nobody is asked for them.
  const elsewhere = await cli.run(['batch', file, '--dry-run', '--address', '127.0.0.1:9'], { env });
  expect([elsewhere.code, elsewhere.stdout]).toEqual([
    0,
    expect.stringContaining('estimate  none: prices are those of the worker, which is elsewhere') as unknown,
  ]);
  const wrong = await cli.batchFile('wrong.json', [{ promt: 'x' }, { prompt: 'x', size: '1x1' }]);
  const refused = await cli.run(['batch', wrong, '--dry-run', '--json'], { env });
  expect([refused.code, told(refused.stdout)]).toMatchObject([2, { problems: expect.any(Array) as unknown }]);
  expect([existsSync(env.IMGPROOF_HOME), existsSync(cli.outputDir), calls('dry')]).toEqual([false, false, 0]);
}, 60_000);

test('at max_cost a waiting batch exits 6 once what runs has ended; resume --max-cost goes on', async () => {
  const file = await cli.batchFile('capped.json', tasks('capped', 4));
  const ended = await cli.run(['batch', file, '--batch-id', 'capped', '--max-cost', '0.1', '--json']);
  expect([ended.code, told(ended.stdout)]).toMatchObject([
    6,
    {
      ok: false,
      exit_code: 6,
      paused: { by: 'cost_cap' },
      counters: { completed: 2, queued: 2, failed: 0, running: 0 },
      cost: { yes: 2, currency: 'USD', spent_micros: 100_000, possibly_spent_micros: 0 },
    },
  ]);
  expect(told(ended.stdout).reason).toMatch(/^max_cost 0\.10 USD: /u);
  expect(ended.stderr.trimEnd().split('\n').at(-1)).toBe(
    '   With a higher cap: imgproof resume capped --max-cost <sum> && imgproof watch capped',
  );
  expect(calls('capped')).toBe(2);
  const refused = await cli.run(['resume', 'capped']);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('max_cost 0.10 USD: 0.10 USD spent; the next task') as unknown,
  ]);
  expect((await cli.run(['resume', 'capped', '--max-cost', '0.2'])).code).toBe(0);
  const done = await cli.run(['watch', 'capped', '--json']);
  expect([done.code, told(done.stdout).cost]).toMatchObject([0, { yes: 4, spent_micros: 200_000 }]);
  expect(calls('capped')).toBe(4);
}, 120_000);

test('at max_cost a queue run exits 6 with its tasks queued; resume --max-cost goes on, and its files are kept current', async () => {
  const stateDir = join(cli.folder, 'capped queue');
  const file = await cli.batchFile('capped-queue.json', tasks('queue', 3));
  const run = ['queue', 'run', `@${file}`, '--state-dir', stateDir, '--max-cost', '0.1'];
  const ended = await cli.run(run);
  const { queue_id, ...summary } = JSON.parse(ended.stdout) as { queue_id: string };
  expect([ended.code, summary]).toMatchObject([
    6,
    {
      ok: false,
      exit_code: 6,
      counters: { completed: 2, queued: 1 },
      max_workers: 4,
      queued: [expect.stringMatching(/^t-/u)],
      tasks_total: 3,
    },
  ]);
  expect(calls('queue')).toBe(2);
  const status = () => cli.run(['queue', 'status', '--state-dir', stateDir]);
  expect(JSON.parse((await status()).stdout)).toMatchObject({
    status: 'running',
    queued_count: 1,
    completed: 2,
  });
  expect((await cli.run(['resume', queue_id, '--max-cost', '0.2'])).code).toBe(0);
  expect((await cli.run(['watch', queue_id])).code).toBe(0);
  expect(JSON.parse((await status()).stdout)).toMatchObject({
    status: 'done',
    queued_count: 0,
    completed: 3,
  });
  expect(calls('queue')).toBe(3);
}, 120_000);

test('above askAbove a terminal is asked first: no is exit 2 without a call, --yes is not asked', async () => {
  const file = await cli.batchFile('asked.json', tasks('asked', 11));
  const answered = async (key: string) => {
    const command = [process.execPath, BIN, 'batch', file];
    const terminal = onTerminal(command, { columns: 120, cwd: cli.folder, env: cli.env });
    await until('the question', () => terminal.screen().some((line) => line.includes('[y/N]')));
    expect(terminal.screen().join(' ')).toContain(
      '11 tasks for about 0.55 USD, at most 1.65 USD with every repetition charged. Order them? [y/N]',
    );
    terminal.press(`${key}\r`);
    return terminal.ended;
  };
  expect(await answered('n')).toBe(2);
  expect(calls('asked')).toBe(0);
  const { code, stdout } = await cli.run(['batch', file, '--yes']);
  expect([code, stdout]).toEqual([0, expect.stringContaining('11 charged (0.55 USD)') as unknown]);
}, 120_000);

test('max_cost without prices is refused with what to do, before anything is sent', async () => {
  const file = await cli.batchFile('unpriced.json', [{ prompt: 'unpriced', model: 'gpt-image-1.5' }]);
  const { code, stderr } = await cli.run(['batch', file, '--max-cost', '5']);
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(/max_cost\s+needs a price for every task/u) as unknown,
  ]);
  expect(calls('unpriced')).toBe(0);
}, 60_000);

function writeConfig(prices: object): Promise<void> {
  const happy = { baseUrl: provider.baseUrl, apiKey: '${HAPPY_API_KEY}' };
  return writeFile(String(cli.env['IMGPROOF_CONFIG']), JSON.stringify({ providers: { happy }, prices }));
}
