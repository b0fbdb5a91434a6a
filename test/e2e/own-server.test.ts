import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import { resolveBinary } from '../../src/embedded/binaries.ts';
import { type Cli, startCliAndProvider, until } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';

let provider: ProviderServer;
let cli: Cli;
let server: TestWorkflowEnvironment;
beforeAll(async () => {
  const started = await startCliAndProvider();
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
});
