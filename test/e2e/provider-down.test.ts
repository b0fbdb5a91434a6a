/** A key that is refused, and mended (SPEC R7, C3, H7): the built CLI on its own stack; the provider's call log is the judge. */
import { writeFile } from 'node:fs/promises';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { type Cli, startCliAndProvider } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { queueIn } from '../support/queue.ts';

let cli: Cli;
let provider: ProviderServer;
beforeAll(async () => {
  const started = await startCliAndProvider();
  ({ cli, provider } = started);
  return started.stop;
}, 120_000);
beforeEach(() => provider.setApiKey('test-key'));

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.startsWith(part)).length;
const tasks = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ task_name: `t${i + 1}`, prompt: `${name} ${i + 1}` }));

interface Told {
  ok: boolean;
  exit_code: number;
  reason: string;
  success: number;
  paused: { by: string; reason: string };
  counters: Record<string, number>;
  orders: { id: string; state: string; paused: string; paused_by: string }[];
}
const told = (stdout: string) => JSON.parse(stdout) as Told;

test('batch exits 4 and says how to go on; mended in the config, resume and watch complete it', async () => {
  provider.setApiKey('the-right-key');
  const file = await cli.batchFile('refused.json', tasks('refused', 6));
  const ended = await cli.run(['batch', file, '--batch-id', 'refused', '--json']);
  const refused = calls('refused');
  expect([ended.code, told(ended.stdout)]).toMatchObject([
    4,
    { ok: false, exit_code: 4, paused: { by: 'provider_down' }, counters: { queued: 6, failed: 0 } },
  ]);
  expect(told(ended.stdout).reason).toMatch(/check the key of this provider: HTTP 401/u);
  expect(ended.stderr.trimEnd().split('\n').at(-1)).toMatch(
    /When it is mended: imgproof resume refused && imgproof watch refused$/u,
  );
  expect(refused).toBeGreaterThanOrEqual(1);
  expect(refused).toBeLessThanOrEqual(4);
  const { orders } = told((await cli.run(['list', '--json'])).stdout);
  expect(orders).toMatchObject([{ id: 'refused', state: 'paused', paused_by: 'provider_down' }]);
  // Whoever comes later is told the same.
  const later = await cli.run(['watch', 'refused', '--progress', 'quiet']);
  expect([later.code, later.stderr]).toEqual([
    4,
    expect.stringContaining('imgproof resume refused') as unknown,
  ]);

  await writeConfig('the-right-key');
  expect((await cli.run(['resume', 'refused'])).code).toBe(0);
  const done = await cli.run(['watch', 'refused', '--json']);
  expect([done.code, told(done.stdout)]).toMatchObject([0, { ok: true, success: 6 }]);
  expect(calls('refused')).toBe(refused + 6);
}, 120_000);

test('mended in a variable, resume gives it to the background worker (G8)', async () => {
  await writeConfig('${HAPPY_API_KEY}');
  provider.setApiKey('another-key');
  const file = await cli.batchFile('variable.json', tasks('variable', 2), { max_workers: 1 });
  expect((await cli.run(['batch', file, '--batch-id', 'variable'])).code).toBe(4);
  const env = { HAPPY_API_KEY: 'another-key' };
  expect((await cli.run(['resume', 'variable'], { env })).code).toBe(0);
  expect((await cli.run(['watch', 'variable'], { env })).code).toBe(0);
  expect(calls('variable')).toBe(3);
}, 120_000);

test('queue run fails what is left at once, with exit 4; asked to pause, its tasks wait', async () => {
  await writeConfig('${HAPPY_API_KEY}');
  provider.setApiKey('yet-another-key');
  const queue = queueIn(cli, 'refused-queue');
  const file = await cli.batchFile('queue.json', tasks('queued', 4), { max_workers: 1 });
  const failed = await queue.call('run', `@${file}`);
  expect([failed.code, failed.json]).toMatchObject([4, { ok: false, counters: { failed: 4, queued: 0 } }]);
  expect(calls('queued')).toBe(1);
  expect(queue.rows()[3]).toMatchObject({
    status: 'failed',
    error: expect.stringContaining('nothing further was sent') as unknown,
  });

  const paused = await queue.call('run', `@${file}`, '--on-provider-down', 'pause');
  expect([paused.code, paused.json]).toMatchObject([4, { ok: false, paused: { by: 'provider_down' } }]);
  expect(calls('queued')).toBe(2);
  expect(queue.state()).toMatchObject({ status: 'running', counters: { queued: 4, failed: 0 } });
  expect(queue.rows()[0]).toMatchObject({
    status: 'queued',
    error: expect.stringContaining('HTTP 401') as unknown,
  });
  await writeConfig('yet-another-key');
  const id = queue.state().queue_id;
  expect((await cli.run(['resume', id])).code).toBe(0);
  expect((await cli.run(['watch', id])).code).toBe(0);
  expect(queue.state()).toMatchObject({ status: 'done', counters: { completed: 4 } });
  expect(calls('queued')).toBe(6);
}, 120_000);

function writeConfig(apiKey: string): Promise<void> {
  const happy = { baseUrl: provider.baseUrl, apiKey };
  return writeFile(String(cli.env['IMGPROOF_CONFIG']), JSON.stringify({ providers: { happy } }));
}
