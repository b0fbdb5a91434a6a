import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import { Client, Connection } from '@temporalio/client';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { type Cli, type Running, startCliAndProvider, until } from '../support/cli.ts';
import { type DevServer, startDevServer } from '../support/dev-server.ts';
import type { ProviderServer } from '../support/provider-server.ts';

let provider: ProviderServer;
let cli: Cli;
let server: DevServer;
let client: Client;
beforeAll(async () => {
  const started = await startCliAndProvider();
  ({ cli, provider } = started);
  server = await startDevServer();
  const config = {
    providers: { happy: { baseUrl: provider.baseUrl, apiKey: 'test-key' } },
    outputRoots: [cli.outputDir],
  };
  await writeFile(join(cli.folder, 'config.json'), JSON.stringify(config));
  const connection = await Connection.connect({ address: server.address });
  client = new Client({ connection });
  return async () => {
    await connection.close();
    await server.stop();
    await started.stop();
  };
}, 120_000);
beforeEach(() => provider.setLatencyMs(0));

const elsewhere = () => ({ TEMPORAL_ADDRESS: server.address });
const run = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  cli.run(args, { env: { ...elsewhere(), ...env } });
const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part));
const json = (stdout: string) => JSON.parse(stdout) as BatchResultRecord & { exit_code: number };

async function startWorker(...flags: string[]): Promise<Running> {
  const worker = cli.start(['worker', ...flags], {
    env: { ...elsewhere(), OPENCLAW_IMAGE_MODEL: 'gpt-image-2-2026-04-21' },
  });
  await until('the worker polls', () => worker.stdout().includes('worker polls'));
  return worker;
}

async function stopWorker({ child, ended }: Running): Promise<void> {
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
}

async function sentInput(workflowId: string): Promise<unknown> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  return defaultPayloadConverter.fromPayload(
    payload as Parameters<typeof defaultPayloadConverter.fromPayload>[0],
  );
}

// First of all: the server remembers for minutes who has asked for work.
describe('a server that no worker has asked for work (C6)', () => {
  test('none polls: within 15 s it says so, prints the id, exits 3; with one for workflows only it says what is missing', async () => {
    const order = [
      'batch',
      '{"tasks":[{"prompt":"roles"}]}',
      '--batch-id',
      'roles',
      '--output-dir',
      cli.outputDir,
    ];
    // It gives up before its own limit, which would be exit 124.
    const none = await run([...order, '--wait-timeout', '25']);
    expect([none.code, none.stdout]).toEqual([3, 'roles\n']);
    expect(none.stderr).toContain(
      'no worker takes "roles" from the task queue imgproof. The order stays recorded',
    );
    expect(none.stderr).toContain('imgproof worker');

    const main = await startWorker('--role', 'main');
    const half = await run([...order, '--json']);
    expect([half.code, JSON.parse(half.stdout)]).toMatchObject([
      3,
      { ok: false, exit_code: 3, workflow_id: 'roles' },
    ]);
    expect(half.stderr).toContain('no worker asks imgproof-api for the paid calls of "roles"');
    expect(half.stderr).toContain('imgproof worker --role api');
    expect(calls('roles').length).toBe(0);

    const api = await startWorker('--role', 'api');
    const both = await run([...order, '--json']);
    expect([both.code, json(both.stdout), calls('roles').length]).toMatchObject([0, { success: 1 }, 1]);
    await Promise.all([stopWorker(main), stopWorker(api)]);
  }, 180_000);
});

describe('with a Temporal address the CLI is a plain client (C6)', () => {
  test('it sends what was written; the worker, which comes later, fills the defaults; again it is the same batch', async () => {
    const file = join(cli.folder, 'written.json');
    const written = {
      $schema: 'x',
      output_dir: cli.outputDir,
      tasks: [{ prompt: 'written 1', size: '1024x1536', task_name: 'cover' }, { prompt: 'written 2' }],
    };
    await writeFile(file, JSON.stringify(written));
    // A client's own settings and config are none of the worker's.
    const clientEnv = { OPENCLAW_IMAGE_MODEL: 'of-the-client', IMGPROOF_CONFIG: '/nowhere/config.json' };
    const ordered = await run(['batch', file, '--size', '1536x1024', '--no-wait'], clientEnv);
    const batchId = ordered.stdout.trim();
    expect([ordered.code, batchId]).toEqual([0, expect.stringMatching(/^written-[0-9a-f]{10}$/u)]);
    const tasks = [{ prompt: 'written 1', task_name: 'cover' }, { prompt: 'written 2' }];
    expect(await sentInput(batchId)).toEqual({ ...written, batch_name: 'written', size: '1536x1024', tasks });

    const worker = await startWorker();
    const attached = await run(['batch', file, '--size', '1536x1024', '--json'], clientEnv);
    expect([attached.code, json(attached.stdout)]).toMatchObject([
      0,
      { ok: true, success: 2, batch_id: batchId },
    ]);
    expect(calls('written').map(({ model, size }) => [model, size])).toEqual(
      Array.from({ length: 2 }, () => ['gpt-image-2-2026-04-21', '1536x1024']),
    );
    const again = await run(['batch', file, '--size', '1536x1024', '--json'], clientEnv);
    expect([again.code, json(again.stdout).adopted, calls('written').length]).toEqual([0, 2, 2]);

    const other = await run(['batch', '{"tasks":[{"prompt":"other content"}]}', '--batch-id', batchId]);
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining('used for other content')]);
    await stopWorker(worker);
  }, 120_000);

  test('run sends its flags as fields, and no default', async () => {
    const flags = [
      '--prompt',
      'flags',
      '--task-key',
      'flags-1',
      '--image',
      '/shared/logo.png',
      '--max-attempts',
      '2',
    ];
    const { code } = await run(['run', ...flags, '--no-wait']);
    const fields = {
      prompt: 'flags',
      task_key: 'flags-1',
      input_images: ['/shared/logo.png'],
      max_attempts: 2,
    };
    expect([code, await sentInput('flags-1')]).toEqual([0, fields]);
    await client.workflow.getHandle('flags-1').terminate();
  }, 60_000);

  test.each<[string, string[], string[]]>([
    [
      'a relative reference',
      ['batch', '{"tasks":[{"prompt":"x","image":"logo.png"}]}'],
      ['tasks[0].image', '"logo.png" is a relative path; paths are the worker’s'],
    ],
    [
      'one in a home folder',
      ['batch', '{"tasks":[{"prompt":"x","image":"~/logo.png"}]}'],
      ['"~/logo.png" is a relative path'],
    ],
    [
      'a relative output folder',
      ['batch', '{"tasks":[{"prompt":"x"}]}', '--output-dir', 'out'],
      ['--output-dir', '"out" is a relative path'],
    ],
    [
      'a relative reference of run',
      ['run', '--prompt', 'x', '--image', 'logo.png'],
      ['"logo.png" is a relative path'],
    ],
    ['an unknown field', ['batch', '{"tasks":[{"promt":"x"}]}'], ['did you mean "prompt"']],
    [
      'a size that the written model can’t make',
      ['batch', '{"model":"gpt-image-2","tasks":[{"prompt":"x","size":"1000x1000"}]}'],
      ['tasks[0].size'],
    ],
  ])(
    '%s is refused before anything is sent: exit 2',
    async (_, args, parts) => {
      const before = await client.workflow.count();
      const { code, stdout, stderr } = await run(args);
      expect([code, stdout]).toEqual([2, '']);
      for (const part of parts) expect(stderr).toContain(part);
      expect(stderr).toMatch(/nothing was sent/iu);
      expect((await client.workflow.count()).count).toBe(before.count);
    },
    60_000,
  );

  test('a size is not judged by a default model that the worker may not have', async () => {
    const input = '{"tasks":[{"prompt":"x","size":"1000x1000"}]}';
    const { code, stdout } = await run(['batch', input, '--no-wait']);
    expect(code).toBe(0);
    await client.workflow.getHandle(stdout.trim()).terminate();
  }, 60_000);

  test('an input over 1 MB is exit 2 with the reason, and nothing is sent', async () => {
    const file = join(cli.folder, 'large.json');
    await writeFile(file, JSON.stringify({ to_open_id: 'x'.repeat(1_100_000), tasks: [{ prompt: 'x' }] }));
    const { code, stdout, stderr } = await run(['batch', file, '--batch-id', 'large']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/1100\d+ bytes .*more than 1048576.*Nothing was sent/u);
    await expect(client.workflow.getHandle('large').describe()).rejects.toThrow('not found');
  }, 60_000);

  test('a namespace needs a server that has it: exit 2', async () => {
    const { code, stderr } = await cli.run(['batch', '{"tasks":[{"prompt":"x"}]}', '--namespace', 'art']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--namespace')]);
  }, 60_000);
});

describe('workers of such a server (C6)', () => {
  test('the server goes away while a command waits and comes back: it says so, waits, and ends with the result', async () => {
    const worker = await startWorker();
    provider.setLatencyMs(8_000);
    const file = await cli.batchFile('away.json', [{ prompt: 'away 1' }, { prompt: 'away 2' }]);
    const batch = cli.start(['batch', file, '--json'], { env: elsewhere() });
    await until('2 calls', () => calls('away').length === 2);
    await server.kill();
    await until('it says so', () => batch.stderr().includes('the Temporal server does not answer'));
    await until('both images are there', () => provider.inFlight === 0);
    await until('the worker says so too', () =>
      worker.stdout().includes('the Temporal server does not answer'),
    );
    await server.start();
    const { code, stdout } = await batch.ended;
    expect([code, json(stdout)]).toMatchObject([
      0,
      { ok: true, success: 2, cost: { no: 0, possible: 0, yes: 2 } },
    ]);
    expect(calls('away').length).toBe(2);
    // The worker has lived through it.
    const next = await run([
      'batch',
      `{"output_dir":"${cli.outputDir}","tasks":[{"prompt":"afterwards"}]}`,
      '--json',
    ]);
    expect([next.code, json(next.stdout).success]).toEqual([0, 1]);
    await stopWorker(worker);
    // Its log is one JSON a line, whoever speaks.
    for (const line of worker.stdout().trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg');
  }, 180_000);

  test('a worker that is there before its server says so, waits, and works when it comes', async () => {
    const late = await startDevServer({ isStarted: false });
    const worker = cli.start(['worker', '--address', late.address]);
    await until('it says so', () => worker.stdout().includes('no Temporal server yet'));
    expect(worker.stdout()).toContain('ECONNREFUSED');
    await late.start();
    await until('it polls', () => worker.stdout().includes('worker polls'));
    await stopWorker(worker);
    await late.stop();
  }, 120_000);

  test('who lets go is told the command that stops the order at that server', async () => {
    const worker = await startWorker();
    provider.setLatencyMs(4_000);
    const order = [
      'batch',
      `{"output_dir":"${cli.outputDir}","tasks":[{"prompt":"let go"}]}`,
      '--batch-id',
      'let-go',
    ];
    const { child, ended } = cli.start([...order, '--address', server.address]);
    await until('its call', () => calls('let go').length === 1);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect([code, stderr]).toEqual([
      130,
      expect.stringMatching(new RegExp(`cancel let-go.* --address ${server.address}`, 'u')),
    ]);
    await stopWorker(worker);
  }, 120_000);
});
