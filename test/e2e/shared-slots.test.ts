/** The worker's 4 slots are a promise about requests in flight, whatever wants them (SPEC B1). The provider's log judges. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { type Cli, startCli, until } from '../support/cli.ts';
import { peakInFlight } from '../support/provider-calls.ts';
import { type ProviderServer, startProviderServer } from '../support/provider-server.ts';

const SLOTS = 4;

let provider: ProviderServer;
beforeAll(async () => {
  provider = await startProviderServer();
  return () => provider.close();
});

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part));
const tasks = (count: number, name: string) =>
  Array.from({ length: count }, (_, i) => ({ prompt: `${name} ${i + 1}` }));
const json = (stdout: string) => JSON.parse(stdout) as BatchResultRecord;

async function stack(env: NodeJS.ProcessEnv = {}): Promise<Cli> {
  const cli = await startCli(provider.baseUrl, env);
  onTestFinished(() => cli.stop(), 120_000);
  expect((await cli.run(['up'])).code).toBe(0);
  return cli;
}

/** Tasks of a batch that have a workflow now. */
async function running(cli: Cli, batchId: string): Promise<string[]> {
  const query = ['query', '--workflow-id', batchId, '--type', 'progress', '-o', 'json'];
  const { stdout } = await cli.run(['temporal', 'workflow', ...query]);
  const keys = [...stdout.matchAll(/"task_key": *"([^"]+)"/gu)];
  return keys.map(([, key]) => key as string);
}

describe('two batches at once on one worker', () => {
  test('share its 4 slots: all 8 tasks want to, and never more than 4 requests are in flight', async () => {
    const cli = await stack();
    const release = provider.hold();
    const order = async (name: string) => {
      const file = await cli.batchFile(`${name}.json`, tasks(8, name));
      return cli.run(['batch', file, '--batch-id', name, '--json']);
    };
    const batches = [order('left'), order('right')];
    const wanting = async () => [...(await running(cli, 'left')), ...(await running(cli, 'right'))];
    await until('8 tasks that want a slot', async () => (await wanting()).length === 2 * SLOTS, 120_000);
    await until('4 requests in flight', () => provider.inFlight === SLOTS);
    await sleep(2_000);
    expect(provider.inFlight).toBe(SLOTS);
    release();
    for (const batch of batches) expect(json((await batch).stdout)).toMatchObject({ ok: true, success: 8 });
    const all = [...calls('left'), ...calls('right')];
    expect([all.length, peakInFlight(all), provider.maxInFlight]).toEqual([16, SLOTS, SLOTS]);
  }, 300_000);
});

describe('a call whose Temporal attempt was given up', () => {
  test('keeps its slot until it lands, then the next attempt adopts its answer: no fifth request, no repeated one', async () => {
    const cli = await stack({ IMGPROOF_HEARTBEAT_TIMEOUT_MS: '8000' });
    const release = provider.hold();
    const file = await cli.batchFile('silent.json', tasks(SLOTS, 'silent'));
    const silent = cli.run(['batch', file, '--batch-id', 'silent', '--json']);
    await until('4 requests in flight', () => provider.inFlight === SLOTS);
    const keys = await running(cli, 'silent');
    expect(keys).toHaveLength(SLOTS);
    // They are ahead of every further attempt in the queue, and would get a slot that was let go too early.
    const next = await cli.batchFile('next.json', tasks(SLOTS, 'next'));
    const waiting = cli.run(['batch', next, '--batch-id', 'next', '--json']);
    await until('4 tasks more', async () => (await running(cli, 'next')).length === SLOTS, 120_000);
    // As a laptop's sleep does it: no sign of life comes, and the server gives the attempts up while their requests fly.
    const { worker } = await cli.pids();
    process.kill(worker, 'SIGSTOP');
    for (const key of keys)
      await until(`${key} to be given up`, async () => (await temporalAttempt(cli, key)) > 1, 120_000);
    process.kill(worker, 'SIGCONT');
    // Time for two signs of life, by which the worker learns that its attempts are given up.
    await sleep(11_000);
    expect([provider.inFlight, calls('next').length]).toEqual([SLOTS, 0]);

    release();
    const cost = { no: 0, possible: 0, yes: SLOTS };
    expect(json((await silent).stdout)).toMatchObject({ ok: true, acceptable: true, success: SLOTS, cost });
    expect(json((await waiting).stdout)).toMatchObject({ ok: true, success: SLOTS, cost });
    expect([calls('silent').length, calls('next').length]).toEqual([SLOTS, SLOTS]);
    expect(provider.maxInFlight).toBe(SLOTS);
  }, 300_000);
});

/** Number of the attempt that the server waits for or that runs, by its own count. */
async function temporalAttempt(cli: Cli, taskKey: string): Promise<number> {
  const { stdout } = await cli.run(['temporal', 'workflow', 'describe', '-w', taskKey, '-o', 'json']);
  const { pendingActivities } = JSON.parse(stdout) as { pendingActivities?: { attempt?: number }[] };
  return pendingActivities?.[0]?.attempt ?? 0;
}
