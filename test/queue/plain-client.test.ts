/** A queue run at a Temporal server of one's own, whose two workers write the queue's files together (SPEC C6, F4). */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type Cli, type Running, startCliAndProvider, until } from '../support/cli.ts';
import { type DevServer, startDevServer } from '../support/dev-server.ts';
import { contradictions, jsonOf, pollState, queueIn } from '../support/queue.ts';

let cli: Cli;
let server: DevServer;
let workers: Running[];
beforeAll(async () => {
  const started = await startCliAndProvider({ latencyMs: 300 });
  ({ cli } = started);
  server = await startDevServer();
  const happy = { baseUrl: started.provider.baseUrl, apiKey: 'test-key' };
  const config = { providers: { happy }, outputRoots: [cli.outputDir, join(cli.folder, 'shared')] };
  await writeFile(join(cli.folder, 'config.json'), JSON.stringify(config));
  workers = ['main', 'api'].map((role) => cli.start(['worker', '--role', role], { env: elsewhere() }));
  for (const worker of workers) await until('a worker polls', () => worker.stdout().includes('worker polls'));
  return async () => {
    for (const { child } of workers) child.kill('SIGTERM');
    await Promise.all(workers.map(({ ended }) => ended));
    await server.stop();
    await started.stop();
  };
}, 120_000);

const elsewhere = () => ({ TEMPORAL_ADDRESS: server.address });
const order = (name: string, count: number) =>
  JSON.stringify({
    output_dir: cli.outputDir,
    tasks: [...Array.from({ length: count }, (_, i) => ({ prompt: `${name} ${i}` })), null, { size: 1 }],
  });

test('two workers keep one whole state; what is no task is rejected by the worker', async () => {
  const queue = queueIn(cli, 'shared');
  const args = ['queue', 'run', order('shared', 6), '--state-dir', queue.stateDir];
  const run = cli.run(args, { env: elsewhere() }).then(jsonOf);
  const seen = await pollState(queue, run);
  expect([...seen.problems]).toEqual([]);
  const { code, json } = await run;
  expect([code, json]).toMatchObject([1, { counters: { completed: 6, rejected: 2 }, tasks_total: 8 }]);
  expect(contradictions(queue.state())).toEqual([]);
  const pids = new Set(queue.rows().map(({ pid }) => pid));
  expect(pids).toEqual(new Set([workers[1]?.child.pid, null]));
}, 120_000);

test('without --state-dir it is the worker’s own; a relative one is refused before anything is sent', async () => {
  const { code, stdout } = await cli.run(['queue', 'run', order('own', 1)], { env: elsewhere() });
  expect([code, JSON.parse(stdout)]).toMatchObject([
    1,
    { state_dir: join(cli.folder, 'openclaw', 'image-queue'), counters: { completed: 1 } },
  ]);
  const relative = await cli.run(['queue', 'run', order('none', 1), '--state-dir', 'here'], {
    env: elsewhere(),
  });
  expect([relative.code, relative.stderr]).toEqual([2, expect.stringContaining('relative path')]);
}, 120_000);
