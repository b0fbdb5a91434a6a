/** What a second terminal sees and does to an order of the first one (SPEC C4, C5, B6, H5). */
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { isUp: true });
beforeEach(() => provider.setLatencyMs(0));

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part)).length;

test('`status BATCH` shows one batch, running and ended; an unknown one is exit 2', async () => {
  const release = provider.hold();
  onTestFinished(release);
  const file = await cli.batchFile('shown.json', [{ prompt: 'shown 1' }, { prompt: 'shown 2' }]);
  const batch = cli.run(['batch', file, '--batch-id', 'shown', '--json']);
  await until('2 calls', () => calls('shown') === 2);
  const running = await cli.run(['status', 'shown', '--json']);
  expect([running.code, JSON.parse(running.stdout)]).toMatchObject([
    0,
    { batch_id: 'shown', state: 'running', progress: { total: 2 }, tasks: [{ status: 'running' }, {}] },
  ]);
  release();
  await batch;
  const ended = await cli.run(['status', 'shown']);
  expect([ended.code, ended.stdout]).toEqual([
    0,
    expect.stringMatching(/shown {2}2 tasks .* completed[^]*2\/2/u),
  ]);
  const unknown = await cli.run(['status', 'nobody']);
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('no batch "nobody"')]);
}, 120_000);

test('a batch id that is the id of a running task is refused with exit 2; nothing is ordered', async () => {
  provider.setLatencyMs(30_000);
  await cli.run([
    'run',
    '--prompt',
    'a task',
    '--task-key',
    'covers',
    '--output-dir',
    cli.outputDir,
    '--no-wait',
  ]);
  await until('its call', () => calls('a task') === 1);
  const file = await cli.batchFile('covers.json', [{ prompt: 'a batch' }]);
  const { code, stderr } = await cli.run(['batch', file, '--batch-id', 'covers', '--no-wait', '--json']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('the id of a running task')]);
  expect(calls('a batch')).toBe(0);
  await cli.run(['temporal', 'workflow', 'cancel', '-w', 'covers']);
}, 60_000);

test('a reset of a batch that is waited for is followed to its end', async () => {
  const release = provider.hold();
  onTestFinished(release);
  const file = await cli.batchFile('followed.json', [{ prompt: 'followed' }]);
  const batch = cli.run(['batch', file, '--batch-id', 'followed', '--json']);
  await until('its call', () => calls('followed') === 1);
  const reset = ['--type', 'FirstWorkflowTask', '--reason', 'test'];
  const { code: resetCode } = await cli.run(['temporal', 'workflow', 'reset', '-w', 'followed', ...reset]);
  release();
  const { code, stdout, stderr } = await batch;
  expect([resetCode, code, JSON.parse(stdout)]).toMatchObject([0, 0, { success: 1 }]);
  expect([stderr, calls('followed')]).toEqual([expect.stringContaining('another one goes on'), 1]);
}, 60_000);

test('`down` is not undone by a command that waits: it ends with exit 3 and says how to go on', async () => {
  onTestFinished(provider.hold());
  const file = await cli.batchFile('stopped.json', [{ prompt: 'stopped' }]);
  const batch = cli.run(['batch', file, '--batch-id', 'stopped']);
  await until('its call', () => calls('stopped') === 1);
  expect((await cli.run(['down', '--now'])).code).toBe(0);
  const { code, stderr } = await batch;
  expect([code, stderr]).toEqual([3, expect.stringContaining('stopped by `imgproof down`')]);
  expect(JSON.parse((await cli.run(['status', '--json'])).stdout)).toMatchObject({
    embedded: { status: 'down' },
  });
  expect(calls('stopped')).toBe(1);
}, 120_000);

test('relative paths in variables mean the same for the command and for the background worker (H2)', async () => {
  await cli.run(['down', '--now']);
  const env = { IMGPROOF_CONFIG: './config.json', OPENCLAW_STATE_DIR: './state' };
  const order = ['run', '--prompt', 'relative', '--task-key', 'relative', '--json'];
  const { code, stdout } = await cli.run(order, { env });
  expect([code, JSON.parse(stdout)]).toMatchObject([
    0,
    { image_path: expect.stringContaining(`${cli.folder}/state/generated-images/`) as unknown },
  ]);
}, 120_000);
