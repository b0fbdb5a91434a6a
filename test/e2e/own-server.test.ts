import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync, symlinkSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import { resolveBinary } from '../../src/embedded/binaries.ts';
import {
  type Cli,
  type Ended,
  type Running,
  startCliAndProvider,
  startProcess,
  until,
} from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { tempFolder } from '../support/temp-folder.ts';

let provider: ProviderServer;
let cli: Cli;
let server: TestWorkflowEnvironment;
beforeAll(async () => {
  // No attempt here is ever missed by the server: what goes on without its worker was given back.
  const started = await startCliAndProvider({ env: { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '600000' } });
  ({ cli, provider } = started);
  const { packageRoot } = loadSettings();
  const { path } = await resolveBinary('temporal', {
    packageRoot,
    explicitPath: process.env['TEMPORAL_CLI_PATH'],
    env: process.env,
  });
  server = await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path } },
  });
  return async () => {
    await started.stop();
    await server.teardown();
  };
}, 120_000);

describe('a Temporal server of one’s own and `imgproof worker` (C5, C6, R6)', () => {
  test('the worker keeps to the folders its config allows, makes the batch, and on SIGTERM drains and exits 0', async () => {
    const config = {
      providers: { happy: { baseUrl: provider.baseUrl, apiKey: 'test-key' } },
      outputRoots: [cli.outputDir],
    };
    await writeFile(join(cli.folder, 'config.json'), JSON.stringify(config));
    const worker = cli.start(['worker', '--address', server.address]);
    await until('the worker polls', async () => worker.stdout().includes('worker polls'));

    const elsewhere = { output_dir: join(cli.folder, 'elsewhere') };
    const forbidden = await cli.batchFile('forbidden.json', [{ prompt: 'forbidden' }], elsewhere);
    const refused = await cli.run(['batch', forbidden, '--address', server.address]);
    expect([refused.code, refused.stderr]).toEqual([
      3,
      expect.stringContaining('outside of the allowed output folders'),
    ]);

    provider.setLatencyMs(2_500);
    const file = await cli.batchFile(
      'own-server.json',
      Array.from({ length: 4 }, (_, i) => ({ prompt: `own ${i}` })),
    );
    const batch = cli.run(['batch', file, '--json'], { env: { TEMPORAL_ADDRESS: server.address } });
    await until('4 calls', () => provider.inFlight === 4);
    worker.child.kill('SIGTERM');
    const [code] = (await once(worker.child, 'exit')) as [number];
    expect([code, provider.calls.length]).toEqual([0, 4]);

    const next = cli.start(['worker', '--address', server.address]);
    const { code: batchCode, stdout } = await batch;
    expect([batchCode, JSON.parse(stdout)]).toMatchObject([0, { success: 4, cost: { possible: 0, yes: 4 } }]);
    expect(provider.calls.length).toBe(4);
    await until('the next worker polls', () => next.stdout().includes('worker polls'));
    next.child.kill('SIGTERM');
    expect((await next.ended).code).toBe(0);
  }, 90_000);

  test('what a worker had in hand when it was killed goes on with the next one, each cut call listed as possible', async () => {
    const first = await startWorker();
    const release = provider.hold();
    const before = provider.calls.length;
    const batch = order('killed worker', 4);
    await until('4 calls', () => provider.inFlight === 4);
    expect(await notes()).toHaveLength(4);
    first.child.kill('SIGKILL');
    await first.ended;
    await until('the provider sees them go', () => provider.inFlight === 0);
    release();
    const next = await startWorker();
    const { code, stdout } = await batch;
    expect(next.stdout()).toContain('attempts of a worker that died are given back');
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { success: 4, cost: { possible: 4, yes: 4 } }]);
    expect(provider.calls.length - before).toBe(8);
    await until('no note', async () => (await notes()).length === 0);
    next.child.kill('SIGTERM');
    await next.ended;
  }, 90_000);

  test('a worker that is only suspended keeps what it has in hand: no second call', async () => {
    const suspended = await startWorker();
    const release = provider.hold();
    const before = provider.calls.length;
    const batch = order('suspended worker', 3);
    await until('3 calls', () => provider.inFlight === 3);
    suspended.child.kill('SIGSTOP');
    const next = await startWorker();
    next.child.kill('SIGTERM');
    await next.ended;
    expect([next.stdout(), (await notes()).length]).toEqual([expect.not.stringContaining('given back'), 3]);
    suspended.child.kill('SIGCONT');
    release();
    const { code, stdout } = await batch;
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { success: 3, cost: { possible: 0, yes: 3 } }]);
    expect(provider.calls.length - before).toBe(3);
    suspended.child.kill('SIGTERM');
    await suspended.ended;
  }, 90_000);

  test('a cancel that lets sent requests finish does so while the worker of the workflows is away (B7, R5)', async () => {
    const [api, main] = [await startWorker('api'), await startWorker('main')];
    const release = provider.hold();
    const before = provider.calls.length;
    const batch = order('finish please', 1);
    await until('a call', () => provider.inFlight === 1);
    const key = (await runningTasks()).find((id) => id.startsWith('finish-please')) ?? '';
    expect((await cli.run(['cancel', key], { env: { TEMPORAL_ADDRESS: server.address } })).code).toBe(0);
    const cancelled = async () => {
      const { pendingActivities } = (await server.client.workflow.getHandle(key).describe()).raw;
      return Number(pendingActivities?.[0]?.state) === CANCEL_REQUESTED;
    };
    await until('the cancel to reach the server', cancelled);
    main.child.kill('SIGKILL');
    // Longer than the way of a cancel to its activity, and two questions that nobody answers.
    await sleep(16_000);
    expect(provider.inFlight).toBe(1);
    const next = await startWorker('main');
    release();
    const { code, stdout } = await batch;
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { success: 1, cost: { possible: 0, yes: 1 } }]);
    expect(provider.calls.length - before).toBe(1);
    for (const worker of [api, next]) {
      worker.child.kill('SIGTERM');
      await worker.ended;
    }
  }, 90_000);

  test('SIGTERM while tasks wait in their slots for the provider: none of them sends any more, the next worker does', async () => {
    const worker = await startWorker();
    const before = provider.calls.length;
    provider.setScript(() =>
      provider.calls.length === before + 1 ? { kind: '429', retryAfter: '8' } : 'ok',
    );
    const refused = order('refused', 1);
    await until('the refusal', () => provider.calls.length === before + 1);
    const waiting = order('waiting', 3);
    await until('three that wait', async () => (await notes()).length === 3);
    worker.child.kill('SIGTERM');
    expect([(await worker.ended).code, provider.calls.length - before]).toEqual([0, 1]);
    const next = await startWorker();
    const ends = await Promise.all([refused, waiting]);
    expect(ends.map(({ code, stdout }) => [code, JSON.parse(stdout)])).toMatchObject([
      [0, { success: 1, cost: { no: 1, possible: 0, yes: 1 } }],
      [0, { success: 3, cost: { no: 0, possible: 0, yes: 3 } }],
    ]);
    expect(provider.calls.length - before).toBe(5);
    provider.setScript([]);
    next.child.kill('SIGTERM');
    await next.ended;
  }, 90_000);

  test('SIGTERM before a worker can run workflows: what it called ends, and it calls no more', async () => {
    const first = await startWorker();
    const release = provider.hold();
    const before = provider.calls.length;
    const batches = [order('half one', 4), order('half two', 4)];
    await until('4 calls', () => provider.inFlight === 4);
    first.child.kill('SIGKILL');
    await first.ended;
    await until('the provider sees them go', () => provider.inFlight === 0);
    const { half, workflowBundle } = startHalfAWorker();
    await until('its calls', () => provider.inFlight === 4);
    half.child.kill('SIGTERM');
    // Nothing tells that a process has noticed its signal.
    await sleep(500);
    release();
    await until('its calls to end', async () => (await notes()).length === 0);
    await sleep(1_000);
    await writeFile(workflowBundle, 'no bundle');
    await half.ended;
    expect(provider.calls.length - before).toBe(8);
    const next = await startWorker();
    const ends = await Promise.all(batches);
    expect(ends.map(({ stdout }) => JSON.parse(stdout))).toMatchObject([{ success: 4 }, { success: 4 }]);
    expect(provider.calls.length - before).toBe(12);
    next.child.kill('SIGTERM');
    await next.ended;
  }, 90_000);

  test('a worker calls before it can run workflows; when it never can, what it called is kept and not bought again', async () => {
    const first = await startWorker();
    const release = provider.hold();
    const before = provider.calls.length;
    const batch = order('half a worker', 1);
    await until('a call', () => provider.inFlight === 1);
    first.child.kill('SIGKILL');
    await first.ended;
    await until('the provider sees it go', () => provider.inFlight === 0);

    const { half, workflowBundle } = startHalfAWorker();
    await until('its call', () => provider.inFlight === 1);
    expect(half.stdout()).not.toContain('worker polls');
    await writeFile(workflowBundle, 'no bundle');
    await until('it says so', () => half.stdout().includes('no workflows can be run'));
    release();
    const { code: halfCode } = await half.ended;
    expect([halfCode, provider.calls.length - before]).toEqual([1, 2]);

    const next = await startWorker();
    const { code, stdout } = await batch;
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { success: 1, cost: { possible: 1, yes: 1 } }]);
    expect(provider.calls.length - before).toBe(2);
    next.child.kill('SIGTERM');
    await next.ended;
  }, 90_000);
});

const notes = () => readdir(join(cli.home, 'attempts'));

/** Of `PendingActivityState`. */
const CANCEL_REQUESTED = 3;

async function runningTasks(): Promise<string[]> {
  const ids: string[] = [];
  const query = "WorkflowType = 'imageTask' AND ExecutionStatus = 'Running'";
  for await (const { workflowId } of server.client.workflow.list({ query })) ids.push(workflowId);
  return ids;
}

async function startWorker(role: 'all' | 'api' | 'main' = 'all'): Promise<Running> {
  const worker = cli.start(['worker', '--role', role, '--address', server.address]);
  await until('the worker polls', () => worker.stdout().includes('worker polls'));
  return worker;
}

/** Of a copy of the package whose workflow bundle is a pipe: it waits there for what is written into it. */
function startHalfAWorker(): { half: Running; workflowBundle: string } {
  const { packageRoot } = loadSettings();
  const copy = tempFolder();
  for (const part of ['package.json', 'bin', 'dist'])
    cpSync(join(packageRoot, part), join(copy, part), { recursive: true });
  symlinkSync(join(packageRoot, 'node_modules'), join(copy, 'node_modules'));
  const workflowBundle = join(copy, 'dist', 'workflow-bundle.js');
  rmSync(workflowBundle);
  execFileSync('mkfifo', [workflowBundle]);
  const half = startProcess(
    [join(copy, 'bin', 'imgproof.js'), 'worker', '--address', server.address],
    cli.folder,
    cli.env,
  );
  return { half, workflowBundle };
}

/** Its end. */
async function order(name: string, count: number): Promise<Ended> {
  const tasks = Array.from({ length: count }, (_, i) => ({ prompt: `${name} ${i}` }));
  const file = await cli.batchFile(`${name.replaceAll(' ', '-')}.json`, tasks);
  return cli.run(['batch', file, '--json'], { env: { TEMPORAL_ADDRESS: server.address } });
}
