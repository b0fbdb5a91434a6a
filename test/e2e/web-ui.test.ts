/** SPEC T2 of what the command line orders: the embedded server knows our search attributes, and workflows are found by them. */
import { expect, test } from 'vitest';
import { until } from '../support/cli.ts';
import type { CliAndClient } from '../support/cli-and-client.ts';
import { shareStackAndClient } from '../support/shared-stack.ts';

let { cli, provider, client } = {} as CliAndClient;
shareStackAndClient((started) => ({ cli, provider, client } = started));

test('batches and tasks are found by batch, key, status, mode and model', async () => {
  const tasks = [
    { prompt: 'found', task_name: '封面' },
    { prompt: 'refused [fault:400]', task_name: 'refused' },
  ];
  const file = await cli.batchFile('found.json', tasks);
  expect((await cli.run(['batch', file, '--batch-id', 'found'])).code).toBe(1);
  await expect
    .poll(() => listed("ImgBatch = 'found' AND ImgStatus = 'failed'"), INDEXED)
    .toEqual(['found/refused']);
  await expect
    .poll(() => listed("ImgTaskKey = 'found/封面' AND ImgStatus = 'completed'"), INDEXED)
    .toEqual(['found/封面']);
  await expect
    .poll(() => listed("ImgBatch = 'found' AND ImgMode = 'text2img' AND ImgModel = 'gpt-image-2'"), INDEXED)
    .toEqual(['found', 'found/refused', 'found/封面']);
  await expect
    .poll(() => listed("ImgTaskKey = 'found' AND ImgStatus = 'incomplete'"), INDEXED)
    .toEqual(['found']);
}, 120_000);

test('a paused batch is found as paused, and as running when it is resumed', async () => {
  const file = await cli.batchFile('stopped.json', [{ prompt: 'one' }, { prompt: 'two' }], {
    max_workers: 1,
  });
  const release = provider.hold();
  const { ended } = cli.start(['batch', file, '--batch-id', 'stopped']);
  await provider.waitForInFlight(1);
  await update('stopped', 'pause', '{"reason": "lunch"}');
  await until('paused', async () => (await listed("ImgStatus = 'paused'")).includes('stopped'));
  await update('stopped', 'resume');
  await until(
    'running',
    async () => (await listed("ImgTaskKey = 'stopped' AND ImgStatus = 'running'")).length > 0,
  );
  release();
  expect((await ended).code).toBe(0);
}, 120_000);

test('a task alone is found too, and its page says what it is', async () => {
  const args = [
    'run',
    '--prompt',
    'alone in the rain',
    '--task-key',
    'alone-1',
    '--task-timeout-seconds',
    '600',
  ];
  expect((await cli.run([...args, '--output-dir', cli.outputDir])).code).toBe(0);
  await expect
    .poll(() => listed("ImgTaskKey = 'alone-1' AND ImgStatus = 'completed' AND ImgBatch = 'none'"), INDEXED)
    .toEqual(['alone-1']);
  const { stdout } = await cli.run(['temporal', 'workflow', 'describe', '-w', 'alone-1']);
  expect(stdout).toContain('text2img 文生图 · 1024x1024 · alone in the rain');
}, 120_000);

/** The server indexes what it was told a moment later. */
const INDEXED = { timeout: 20_000 };

/** Ids. */
async function listed(query: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) found.push(workflowId);
  return found.sort();
}

async function update(batchId: string, name: string, input?: string): Promise<void> {
  const args = ['temporal', 'workflow', 'update', 'execute', '-w', batchId, '--name', name];
  const { code, stderr } = await cli.run(input === undefined ? args : [...args, '-i', input]);
  expect(code, stderr).toBe(0);
}
