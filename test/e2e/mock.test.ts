/** SPEC M: mock tasks from the command line to the files, and who refuses them. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import type { CliAndProvider } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { env: { IMGPROOF_ALLOW_MOCK: '1' } });

const TASKS = [
  { prompt: 'pretended', task_name: 'good', mock_sleep: 0.2, mock_output_text: 'as told' },
  { prompt: 'pretended too', task_name: 'bad', mock_exit_code: 2 },
];

test('a mock leaves every file, is completed and never acceptable; verify refuses it as a mock', async () => {
  const file = await cli.batchFile('mocks.json', TASKS);
  const record = await ordered(file);
  expect(record).toMatchObject({
    ok: false,
    acceptable: false,
    success: 1,
    failed: 1,
    provider: 'mock',
    cost: { possible: 0, yes: 0 },
  });
  const result = JSON.parse(await readFile(record.results[0]?.result_json as string, 'utf8')) as ResultRecord;
  expect(result).toMatchObject({
    ok: true,
    acceptable: false,
    status: 'completed',
    provider: 'mock',
    image_path: null,
    mock_output_text: 'as told',
    attempts: [{ ok: true, billing: 'no', worker_id: result.worker_id }],
  });
  const { code, stdout } = await cli.run(['verify', record.batch_dir, '--json']);
  expect(code).toBe(5);
  expect(stdout).toContain('not-mock');
  expect(provider.calls).toEqual([]);
}, 120_000);

test('a mock is never adopted: the same file runs it again', async () => {
  const file = await cli.batchFile('mocks.json', TASKS);
  expect(await ordered(file)).toMatchObject({ adopted: 0, success: 1 });
}, 120_000);

test('without IMGPROOF_ALLOW_MOCK it is refused with the reason, by a worker of its own too', async () => {
  const env = { IMGPROOF_ALLOW_MOCK: '' };
  const file = await cli.batchFile('mocks.json', TASKS);
  const refused = await cli.run(['batch', file], { env });
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('works only where IMGPROOF_ALLOW_MOCK=1 is set for the worker'),
  ]);
  const { worker } = await cli.pids();
  // Another value makes another worker (G8); that one refuses what comes past our client.
  const plain = await cli.batchFile('plain.json', [{ prompt: 'a real one' }]);
  expect((await cli.run(['batch', plain], { env })).code).toBe(0);
  expect((await cli.pids()).worker).not.toBe(worker);
  const input = JSON.stringify({ prompt: 'past the client', mock_sleep: 1 });
  const start = ['temporal', 'workflow', 'execute', '--type', 'imageTask', '--task-queue', 'imgproof'];
  const past = await cli.run([...start, '-w', 'past-the-client', '--input', input], { env });
  expect(past.code).not.toBe(0);
  expect(past.stdout + past.stderr).toContain('works only where IMGPROOF_ALLOW_MOCK=1');
}, 120_000);

async function ordered(file: string): Promise<BatchResultRecord> {
  const { code, stdout, stderr } = await cli.run(['batch', file, '--json']);
  expect(code, stderr).toBe(1);
  return JSON.parse(stdout) as BatchResultRecord;
}
