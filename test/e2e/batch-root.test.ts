/** SPEC F3: with OPENCLAW_WORKSPACE set, batch folders are in the workspace; images and proof index stay in the output folder. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { type Cli, startCliAndProvider } from '../support/cli.ts';
import type { ProviderServer } from '../support/provider-server.ts';
import { newFolder } from '../support/temp-folder.ts';

let provider: ProviderServer;
let cli: Cli;
const workspace = newFolder();
const batchRoot = join(workspace, 'content-factory', 'live-course-design', 'img2', 'batches');
beforeAll(async () => {
  const started = await startCliAndProvider({ env: { OPENCLAW_WORKSPACE: workspace } });
  ({ cli, provider } = started);
  return async () => {
    await started.stop();
    rmSync(workspace, { recursive: true, force: true });
  };
}, 120_000);

const json = (stdout: string) => JSON.parse(stdout) as BatchResultRecord;

test('a batch is made under $OPENCLAW_WORKSPACE/content-factory/live-course-design/img2/batches', async () => {
  const file = await cli.batchFile('covers.json', [{ prompt: 'a', task_name: 'front' }, { prompt: 'b' }]);
  const first = await cli.run(['batch', file, '--json']);
  const { batch_dir, results } = json(first.stdout);
  expect([first.code, dirname(batch_dir)]).toEqual([0, batchRoot]);
  expect(readdirSync(batchRoot)).toEqual([expect.stringMatching(/^covers-\d{8}-\d{6}-[0-9a-f]{6}$/u)]);
  expect(readdirSync(batch_dir).sort()).toEqual([
    '01-front',
    '02-task-02',
    'batch_request.json',
    'batch_result.json',
    'manifest.dsse.json',
    'manifest.jsonl',
  ]);
  expect(results.map(({ run_dir }) => run_dir)).toEqual([
    join(batch_dir, '01-front'),
    join(batch_dir, '02-task-02'),
  ]);
  expect(results.map(({ image_path }) => dirname(image_path as string))).toEqual([
    cli.outputDir,
    cli.outputDir,
  ]);
  expect(existsSync(join(cli.outputDir, 'batches'))).toBe(false);

  // The proof is found from either side, and by the next order.
  for (const place of [batch_dir, cli.outputDir]) {
    const { code, stdout } = await cli.run(['verify', place]);
    expect([place, code, stdout]).toEqual([place, 0, expect.stringContaining('2 proven')]);
  }
  const second = json((await cli.run(['batch', file, '--json'])).stdout);
  expect(second).toMatchObject({ ok: true, adopted: 2 });
  expect([dirname(second.batch_dir), second.batch_dir === batch_dir]).toEqual([batchRoot, false]);
  expect(provider.calls).toHaveLength(2);
}, 120_000);
