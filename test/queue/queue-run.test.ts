import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Cli, startCliAndProvider } from '../support/cli.ts';

let cli: Cli;
beforeAll(async () => {
  const started = await startCliAndProvider();
  ({ cli } = started);
  await cli.run(['up']);
  return started.stop;
}, 120_000);

test('slice', async () => {
  const file = await cli.batchFile('tasks.json', [
    { prompt: 'a' },
    { prompt: 'b', task_name: 'B' },
    { images: ['x.png'] },
  ]);
  const stateDir = join(cli.folder, 'q');
  const { code, stdout, stderr } = await cli.run(['queue', 'run', `@${file}`, '--state-dir', stateDir]);
  console.log(code, stdout, stderr);
  console.log(await readdir(stateDir, { recursive: true }));
  console.log(await readFile(join(stateDir, 'queue_state.json'), 'utf8'));
  console.log(await readFile(join(stateDir, 'events.jsonl'), 'utf8'));
  expect(code).toBe(1);
}, 60_000);
