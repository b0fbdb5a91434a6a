import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BatchResultRecord } from '../../src/domain/batch-records.ts';
import type { ResultRecord } from '../../src/domain/records.ts';
import { type Cli, spooledAnswers, startCliAndProvider, until } from '../support/cli.ts';
import { upBesideDefaultPort } from '../support/default-port.ts';
import type { ProviderServer } from '../support/provider-server.ts';

let provider: ProviderServer;
let cli: Cli;
beforeAll(async () => {
  const started = await startCliAndProvider({ env: { IMGPROOF_HEARTBEAT_TIMEOUT_MS: '8000' } });
  ({ cli, provider } = started);
  // Else another test's stack takes the usual port while the server is away.
  await upBesideDefaultPort(cli);
  return started.stop;
}, 120_000);
beforeEach(() => provider.setLatencyMs(0));

const calls = (part: string) => provider.calls.filter(({ prompt }) => prompt?.includes(part));
const answered = (part: string) => calls(part).filter(({ event }) => event === 'answered');
const tasks = (count: number, name: string) =>
  Array.from({ length: count }, (_, i) => ({ prompt: `${name} ${i + 1}` }));

function recordOf(stdout: string): BatchResultRecord {
  return JSON.parse(stdout) as BatchResultRecord;
}

/** Every result of a batch, with its attempts. */
function resultsOf(record: BatchResultRecord): Promise<ResultRecord[]> {
  return Promise.all(
    record.results.map(
      async ({ result_json }) => JSON.parse(await readFile(result_json as string, 'utf8')) as ResultRecord,
    ),
  );
}

/** `npm run kills` plays ten. */
const KILLS = Number(process.env['IMGPROOF_TEST_KILLS'] ?? 1);

describe('kill at any time: nothing is lost, no double hides (R1, R4, R5)', () => {
  test('12 tasks at 2 s, the worker killed after the 5th image: all completed, each extra call listed as possible', async () => {
    provider.setLatencyMs(2_000);
    const file = await cli.batchFile('worker-kill.json', tasks(12, 'worker kill'));
    const { ended } = cli.start(['batch', file, '--json']);
    await until('5 answers', () => answered('worker kill').length >= 5);
    const { worker } = await cli.pids();
    // The moment is the provider's: four calls are in flight, and none of them can be answered before the kill.
    const release = provider.hold();
    await until('4 calls in flight', () => provider.inFlight === 4);
    const cut = calls('worker kill').filter(({ ended_at }) => ended_at === null);
    process.kill(worker, 'SIGKILL');
    await until('the provider sees them go', () => cut.every(({ event }) => event === 'aborted'));
    release();
    const { code, stdout } = await ended;
    const record = recordOf(stdout);
    expect([code, record.success, cut.length]).toEqual([0, 12, 4]);
    expect(calls('worker kill')).toHaveLength(12 + cut.length);
    expect(record.cost).toEqual({ no: 0, possible: cut.length, yes: 12 });
    const attempts = (await resultsOf(record)).flatMap((result) => result.attempts);
    const possible = attempts.filter(({ billing }) => billing === 'possible');
    expect(possible.map(({ category, phase }) => [category, phase])).toEqual(
      cut.map(() => ['worker_died', 'sent']),
    );
  }, 180_000);

  test('server, supervisor and worker killed: the same command finishes the batch', async () => {
    provider.setLatencyMs(1_500);
    const file = await cli.batchFile('all-kill.json', tasks(8, 'all kill'));
    const first = cli.start(['batch', file, '--json']);
    await until('2 answers', () => answered('all kill').length >= 2);
    const { supervisor, server, worker } = await cli.pids();
    for (const pid of [supervisor, worker, server]) process.kill(pid, 'SIGKILL');
    first.child.kill('SIGKILL');
    await first.ended;
    const { code, stdout, stderr } = await cli.run(['batch', file, '--json']);
    expect([code, recordOf(stdout || stderr).success]).toEqual([0, 8]);
    const extra = calls('all kill').length - 8;
    expect(extra).toBeLessThanOrEqual(4);
    expect(recordOf(stdout).cost.possible).toBeGreaterThanOrEqual(extra);
  }, 120_000);

  test('the supervisor alone killed: the next command adopts server and worker', async () => {
    const before = await cli.pids();
    process.kill(before.supervisor, 'SIGKILL');
    const file = await cli.batchFile('supervisor-kill.json', tasks(1, 'supervisor kill'));
    expect((await cli.run(['batch', file])).code).toBe(0);
    const after = await cli.pids();
    expect([after.server, after.worker]).toEqual([before.server, before.worker]);
    expect(after.supervisor).not.toBe(before.supervisor);
  }, 60_000);

  test('25 s without a server while calls run: no repeated call, nothing possible', async () => {
    provider.setLatencyMs(32_000);
    // A second try is another order: what the first one made would be adopted.
    const name = `outage ${Date.now()}`;
    const file = await cli.batchFile('outage.json', tasks(3, name));
    const { ended } = cli.start(['batch', file, '--json']);
    await until('3 calls', () => calls(name).length === 3);
    const { supervisor, server } = await cli.pids();
    // A stopped supervisor restarts nothing: that is what makes the outage long.
    process.kill(supervisor, 'SIGSTOP');
    process.kill(server, 'SIGKILL');
    await sleep(25_000);
    process.kill(supervisor, 'SIGCONT');
    const { code, stdout, stderr } = await ended;
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    expect(recordOf(stdout)).toMatchObject({ success: 3, cost: { no: 0, possible: 0, yes: 3 } });
    expect(calls(name)).toHaveLength(3);
  }, 120_000);

  test(`${KILLS} of ${KILLS} kills between answer and record buy nothing again`, async () => {
    provider.setLatencyMs(300);
    // A kill that came after the record says nothing: another round is played for it.
    let counted = 0;
    for (let round = 1; counted < KILLS && round <= 4 * KILLS; round += 1) {
      const name = `spool kill ${round}`;
      const file = await cli.batchFile(`spool-kill-${round}.json`, tasks(1, name));
      const known = new Set(await spooledAnswers(cli.home));
      const { ended } = cli.start(['batch', file, '--json']);
      await until(`an answer of round ${round}`, async () =>
        (await spooledAnswers(cli.home)).some((path) => !known.has(path)),
      );
      const { worker } = await cli.pids();
      process.kill(worker, 'SIGSTOP');
      const isRecorded = await hasResult(name);
      process.kill(worker, 'SIGKILL');
      const { code, stdout } = await ended;
      expect([round, code, calls(`${name} `).length]).toEqual([round, 0, 1]);
      expect(recordOf(stdout).cost).toEqual({ no: 0, possible: 0, yes: 1 });
      if (!isRecorded) counted += 1;
    }
    expect(counted).toBe(KILLS);
  }, 600_000);
});

/** True when the batch of this round has written a result already: then the kill came too late to say anything. */
async function hasResult(name: string): Promise<boolean> {
  const batches = join(cli.outputDir, 'batches');
  const stem = name.replaceAll(' ', '-');
  const folders = (await readdir(batches)).filter((folder) => folder.startsWith(`${stem}-2`));
  const files = await Promise.all(folders.map((folder) => readdir(join(batches, folder, '01-task-01'))));
  return files.flat().includes('result.json');
}
