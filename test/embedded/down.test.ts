import { beforeEach, describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import { findServer } from '../../src/embedded/processes.ts';
import { workerRecord } from '../../src/embedded/worker-record.ts';
import { identify } from '../../src/host/process-identity.ts';
import { type CliAndProvider, until } from '../support/cli.ts';
import { shareStack } from '../support/shared-stack.ts';

let { cli, provider } = {} as CliAndProvider;
shareStack((started) => ({ cli, provider } = started), { env: { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '8000' } });
beforeEach(() => provider.setLatencyMs(0));

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.startsWith(part)).length;
const tasks = (count: number, name: string) =>
  Array.from({ length: count }, (_, i) => ({ prompt: `${name} ${i + 1}` }));

/** A batch whose calls run, and that nobody watches. */
async function unwatched(name: string, count: number): Promise<string[]> {
  const file = await cli.batchFile(`${name}.json`, tasks(count, name));
  const order = ['batch', file, '--batch-id', name, '--json'];
  expect((await cli.run([...order, '--no-wait'])).code).toBe(0);
  await until('its calls', () => calls(name) === Math.min(count, 4));
  return order;
}

describe('`down` (C5, R6)', () => {
  test('names the calls in flight and the longest time they may take, again and again, and how long it took', async () => {
    provider.setLatencyMs(25_000);
    const order = await unwatched('draining', 5);
    const { code, stderr } = await cli.run(['down']);
    expect(code).toBe(0);
    const told = stderr.split('\n').filter((line) => line.includes('finishes 4 paid calls'));
    expect(told.length, stderr).toBeGreaterThanOrEqual(2);
    for (const line of told) {
      expect(line).toMatch(/draining\/task-0\d \(\d+ s of 600 s\)/u);
      expect(line).toMatch(/at most (?:10 min|9 min \d+ s).*`imgproof down --now` gives them up/u);
    }
    expect(stderr).toMatch(/stopped after \d+\.\d s\n$/u);
    provider.setLatencyMs(0);
    const after = await cli.run(order);
    // The next start may finish the batch before this command looks: then its results are adopted.
    expect(JSON.parse(after.stdout)).toMatchObject({ success: 5, cost: { no: 0, possible: 0 } });
    expect(calls('draining')).toBe(5);
  }, 180_000);

  test('says that nothing runs when nothing does', async () => {
    await cli.run(['down']);
    const { code, stderr } = await cli.run(['down']);
    expect([code, stderr]).toEqual([0, `nothing of ${cli.home} runs\n`]);
  }, 60_000);

  test('with a dead server and supervisor says that it can not know, lets the worker finish, and loses nothing', async () => {
    provider.setLatencyMs(12_000);
    const order = await unwatched('headless', 3);
    const { supervisor, server, worker } = await cli.pids();
    for (const pid of [supervisor, server]) process.kill(pid, 'SIGKILL');
    await until('the end of the server', async () => (await findServer(cli.home)) === null);
    const { code, stderr } = await cli.run(['down']);
    expect([code, stderr]).toEqual([0, expect.stringContaining("can't be asked which calls are under way")]);
    expect(stderr).toContain(`worker ${worker} finishes those it has sent (at most 11 min`);
    expect(identify(worker)).toBeNull();
    provider.setLatencyMs(0);
    const after = await cli.run(order);
    const record = JSON.parse(after.stdout) as BatchResultRecord;
    // The next start may finish the batch before this command looks: then its results are adopted.
    expect(record).toMatchObject({ success: 3, cost: { no: 0, possible: 0 } });
    expect(calls('headless')).toBe(3);
  }, 240_000);

  test('of which the supervisor is killed while it drains: another `down`, and a second SIGTERM, cut off no call', async () => {
    provider.setLatencyMs(15_000);
    const order = await unwatched('twice', 2);
    const first = cli.start(['down']);
    const { supervisor, worker } = await cli.pids();
    const identity = identify(worker);
    await until(
      'the drain',
      async () => (identity && (await workerRecord(cli.home, identity)))?.phase === 'draining',
    );
    process.kill(supervisor, 'SIGKILL');
    process.kill(worker, 'SIGTERM');
    const second = await cli.run(['down']);
    expect([second.code, (await first.ended).code]).toEqual([0, 0]);
    expect(provider.calls.filter(({ event }) => event === 'aborted')).toEqual([]);
    provider.setLatencyMs(0);
    const after = await cli.run(order);
    expect(JSON.parse(after.stdout)).toMatchObject({ success: 2, cost: { no: 0, possible: 0 } });
    expect(calls('twice')).toBe(2);
  }, 180_000);
});
