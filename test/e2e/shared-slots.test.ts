/** The worker's 4 slots are a promise about requests in flight, whatever wants them (SPEC B1). The provider's log judges. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { queryProgress } from '../../src/client.ts';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { type Cli, startCli, until } from '../support/cli.ts';
import { attemptOf, clientAt } from '../support/cli-and-client.ts';
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

async function stack(env: NodeJS.ProcessEnv = {}): Promise<{ cli: Cli; client: Client }> {
  const cli = await startCli(provider.baseUrl, env);
  onTestFinished(() => cli.stop(), 120_000);
  expect((await cli.run(['up'])).code).toBe(0);
  const client = await clientAt(cli);
  onTestFinished(() => client.connection.close());
  return { cli, client };
}

/** Tasks of a batch that have a workflow now. */
async function running(client: Client, batchId: string): Promise<string[]> {
  const progress = await queryProgress(client, client.workflow.getHandle(batchId));
  return (progress?.running ?? []).map(({ task_key }) => task_key);
}

describe('two batches at once on one worker', () => {
  test('share its 4 slots: all 8 tasks want to, and never more than 4 requests are in flight', async () => {
    const { cli, client } = await stack();
    const release = provider.hold();
    const order = async (name: string) => {
      const file = await cli.batchFile(`${name}.json`, tasks(8, name));
      return cli.run(['batch', file, '--batch-id', name, '--json']);
    };
    const batches = [order('left'), order('right')];
    const wanting = async () => [...(await running(client, 'left')), ...(await running(client, 'right'))];
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
    const { cli, client } = await stack({ IMGPROOF_HEARTBEAT_TIMEOUT_MS: '8000' });
    const release = provider.hold();
    const file = await cli.batchFile('silent.json', tasks(SLOTS, 'silent'));
    const silent = cli.run(['batch', file, '--batch-id', 'silent', '--json']);
    await until('4 requests in flight', () => provider.inFlight === SLOTS);
    const keys = await running(client, 'silent');
    expect(keys).toHaveLength(SLOTS);
    // They are ahead of every further attempt in the queue, and would get a slot that was let go too early.
    const next = await cli.batchFile('next.json', tasks(SLOTS, 'next'));
    const waiting = cli.run(['batch', next, '--batch-id', 'next', '--json']);
    await until('4 tasks more', async () => (await running(client, 'next')).length === SLOTS, 120_000);
    // As a laptop's sleep does it: no sign of life comes, and the server gives the attempts up while their requests fly.
    const { worker } = await cli.pids();
    process.kill(worker, 'SIGSTOP');
    for (const key of keys)
      await until(`${key} to be given up`, async () => (await attemptOf(client, key)) > 1, 120_000);
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
