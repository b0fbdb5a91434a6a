/** Operations that come too late, too early, twice, or name nothing: each has a clear answer and exit code (SPEC B7, C3). */
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  cancelAll,
  cancelTask,
  OperationRefused,
  pauseBatch,
  resumeBatch,
  setMaxWorkers,
} from '../../src/client/operations.ts';
import { orderRetry } from '../../src/client/retry.ts';
import { until } from '../support/cli.ts';
import type { CliAndClient } from '../support/cli-and-client.ts';
import { shareStackAndClient } from '../support/shared-stack.ts';

let { cli, provider, client, resultOf, statesOf } = {} as CliAndClient;
let order: (id: string, tasks: object[], maxWorkers?: number) => Promise<void>;
shareStackAndClient((started) => {
  ({ cli, provider, client, resultOf, statesOf } = started);
  order = (id, tasks, max_workers = 4) => started.order(id, tasks, { max_workers });
});

const callsFor = (part: string) => provider.calls.filter(({ prompt }) => prompt?.startsWith(part)).length;

const named = (id: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ prompt: `${id} ${i + 1}`, task_name: `t${i + 1}` }));

/** Its first requests are held until the test ends or lets them go. */
async function heldBatch(id: string, tasks: object[], inFlight: number): Promise<() => void> {
  const release = provider.hold();
  onTestFinished(release);
  await order(id, tasks, inFlight);
  await until('its requests', () => callsFor(id) === inFlight);
  return release;
}

/** A batch that has ended; of its two tasks the second one failed. */
async function endedBatch(id: string): Promise<void> {
  await order(id, [
    { prompt: `${id} 1`, task_name: 't1' },
    { prompt: `${id} 2 [fault:400 times=1]`, task_name: 't2' },
  ]);
  await resultOf(id);
}

interface Answer {
  code: number | null;
  stderr: string;
  json: { ok: boolean; exit_code: number; reason: string; status?: string } & Record<string, unknown>;
}

async function ours(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await cli.run([...args, '--json']);
  return { code, stderr, json: JSON.parse(stdout) as Answer['json'] };
}

describe('what is not there', () => {
  test.each([
    ['pause', 'nobody'],
    ['resume', 'nobody'],
    ['retry', 'nobody'],
    ['cancel', 'nobody'],
    ['cancel', 'nobody', 't1'],
    ['watch', 'nobody'],
    ['list', 'nobody'],
    ['history', 'nobody'],
    ['get', 'nobody'],
    ['get', 'nobody', 't1'],
    ['status', 'nobody'],
  ])('%s %s: exit 2, and where to look', async (...args) => {
    const { code, json, stderr } = await ours(...args);
    expect([code, json]).toMatchObject([2, { ok: false, exit_code: 2 }]);
    expect(stderr).toMatch(/there is no batch (?:and no task )?"nobody" on this server/u);
    expect(stderr).toMatch(/`imgproof (?:list|status)`/u);
  });

  test('a task that is not in the batch: exit 2, and nothing is changed', async () => {
    const release = await heldBatch('unknown-task', named('unknown-task', 2), 2);
    for (const args of [
      ['cancel', 'unknown-task', 't9'],
      ['retry', 'unknown-task', 't9', '--no-wait'],
      ['get', 'unknown-task', 't9'],
    ]) {
      const { code, stderr } = await ours(...args);
      expect([code, stderr]).toEqual([
        2,
        expect.stringContaining('no task of this batch has the key or the name "t9"'),
      ]);
    }
    release();
    expect(await resultOf('unknown-task')).toMatchObject({ ok: true });
  }, 60_000);

  test('a name that several tasks have: exit 2 with their keys', async () => {
    const twins = ['a', 'b'].map((which) => ({ prompt: `twins ${which}`, task_name: 'twin' }));
    const release = await heldBatch('twins', twins, 2);
    for (const args of [
      ['cancel', 'twins', 'twin'],
      ['cancel', 'twin'],
      ['get', 'twins', 'twin'],
      ['get', 'twin'],
    ]) {
      const { code, stderr } = await ours(...args);
      expect([code, stderr]).toEqual([2, expect.stringMatching(/twins\/twin.*twins\/twin-2/u)]);
    }
    release();
    await resultOf('twins');
  }, 60_000);
});

describe('what has ended', () => {
  test('cancel tells its status and exits 2: a batch, a task of it, a task alone (F11)', async () => {
    await endedBatch('over');
    await client.workflow.start('imageTask', {
      taskQueue: 'imgproof',
      workflowId: 'over-alone',
      args: [{ prompt: 'over alone', output_dir: cli.outputDir }],
    });
    await resultOf('over-alone');
    for (const [args, status] of [
      [['over'], 'completed'],
      [['over/t1'], 'completed'],
      [['over/t2'], 'failed'],
      [['over-alone'], 'completed'],
    ] as const) {
      const { code, json } = await ours('cancel', ...args);
      expect([code, json]).toMatchObject([2, { ok: false, status, exit_code: 2 }]);
      expect(json['error']).toContain('has ended already');
    }
  }, 60_000);

  test.each(['pause', 'resume'])(
    '%s says that it has ended: exit 2',
    async (operation) => {
      await endedBatch(`ended-${operation}`);
      const { code, stderr } = await ours(operation, `ended-${operation}`);
      expect([code, stderr]).toEqual([2, expect.stringContaining('has ended already: completed')]);
    },
    60_000,
  );

  test('retry takes it up again, in its own folder; what was completed stays', async () => {
    await endedBatch('taken-up');
    const before = await resultOf('taken-up');
    const { code, json } = await ours('retry', 'taken-up');
    expect([code, json]).toMatchObject([0, { ok: true, success: 2, batch_dir: before.batch_dir }]);
    expect([callsFor('taken-up 1'), callsFor('taken-up 2')]).toEqual([1, 2]);
    expect((await ours('retry', 'taken-up')).json).toMatchObject({ ok: true, reason: 'nothing to retry' });
  }, 60_000);

  test('a retry of what is completed is refused: exit 2', async () => {
    await endedBatch('no-need');
    const { code, stderr } = await ours('retry', 'no-need', 't1');
    expect([code, stderr]).toEqual([2, expect.stringContaining('is completed; there is nothing to repeat')]);
  }, 60_000);
});

describe('twice, and out of range', () => {
  test('pause twice, resume what is not paused: exit 0, and it says so', async () => {
    const release = await heldBatch('twice', named('twice', 3), 1);
    expect((await ours('pause', 'twice', '--reason', 'first')).json).toMatchObject({ changed: true });
    const again = await ours('pause', 'twice', '--reason', 'second');
    expect([again.code, again.json]).toMatchObject([0, { changed: false, reason: 'was paused already' }]);
    expect((await ours('list', '--status', 'paused')).json).toMatchObject({
      orders: [{ id: 'twice', paused: 'first' }],
    });
    expect((await ours('resume', 'twice')).json).toMatchObject({ changed: true });
    const resumed = await ours('resume', 'twice');
    expect([resumed.code, resumed.json]).toMatchObject([0, { changed: false, reason: 'was not paused' }]);
    release();
    await resultOf('twice');
  }, 60_000);

  test('--max-workers 0 and 9 are clamped with a warning, 1.5 is refused (B1)', async () => {
    const release = await heldBatch('range', named('range', 2), 2);
    const none = await ours('resume', 'range', '--max-workers', '0');
    expect([none.code, none.json, none.stderr]).toMatchObject([
      0,
      { max_workers: 1 },
      expect.stringContaining('warning'),
    ]);
    const many = await ours('resume', 'range', '--max-workers', '9');
    expect([many.code, many.json, many.stderr]).toMatchObject([
      0,
      { max_workers: 4 },
      expect.stringContaining('warning'),
    ]);
    expect((await ours('resume', 'range', '--max-workers', '1.5')).code).toBe(2);
    release();
    await resultOf('range');
  }, 60_000);

  test('a task that runs can not be retried: exit 2', async () => {
    const release = await heldBatch('still', named('still', 1), 1);
    const { code, stderr } = await ours('retry', 'still', 't1');
    expect([code, stderr]).toEqual([2, expect.stringContaining('has not ended: it is running')]);
    release();
    await resultOf('still');
  }, 60_000);

  test('two people cancel at once: both are answered, each task ends once, nothing is sent twice', async () => {
    const release = await heldBatch('crowd', named('crowd', 6), 2);
    const answers = await Promise.all([
      ours('cancel', 'crowd'),
      ours('cancel', 'crowd'),
      ours('cancel', 'crowd', 't5'),
    ]);
    for (const { code, json } of answers)
      expect(code === 0 || json.status === 'cancelled', json.reason).toBe(true);
    release();
    expect(await resultOf('crowd')).toMatchObject({ total: 6, success: 2, cancelled: 4, processed: 6 });
    expect(callsFor('crowd')).toBe(2);
  }, 60_000);
});

describe('at the wrong moment', () => {
  test('a cancel during admission: no task is ever started', async () => {
    await order('early', named('early', 200), 4);
    const { before_admission, cancelled, finishing, aborting } = await cancelAll(client, 'early', {
      now: true,
    });
    const known = cancelled.length + finishing.length + aborting.length;
    expect(before_admission === true ? known === 0 : known <= 200).toBe(true);
    expect(await resultOf('early')).toMatchObject({ total: 200, cancelled: 200 - finishing.length });
    if (before_admission === true) expect(callsFor('early')).toBe(0);
  }, 60_000);

  test('a cancel of one task during admission waits for it', async () => {
    await order('early-one', named('early-one', 60), 1);
    expect(await cancelTask(client, 'early-one', { task: 't60' })).toMatchObject({
      cancelled: ['early-one/t60'],
    });
    await cancelAll(client, 'early-one');
    await resultOf('early-one');
    expect(callsFor('early-one 60')).toBe(0);
  }, 60_000);

  test('a pause before admission is kept: nothing is started', async () => {
    await order('early-pause', named('early-pause', 3));
    expect(await pauseBatch(client, 'early-pause')).toMatchObject({ paused: true });
    await until('admission', async () => (await statesOf('early-pause')).length === 3);
    const begun = callsFor('early-pause');
    await resumeBatch(client, 'early-pause');
    expect(await resultOf('early-pause')).toMatchObject({ ok: true });
    expect([begun <= 3, callsFor('early-pause')]).toEqual([true, 3]);
  }, 60_000);

  test('an update in the moment in which the batch ends takes effect or says that it came too late', async () => {
    const operations = [
      (id: string) => pauseBatch(client, id),
      (id: string) => setMaxWorkers(client, id, 2),
      (id: string) => cancelAll(client, id),
      (id: string) => cancelTask(client, id, { task: 't1' }),
      (id: string) => orderRetry(client, id, { failed: true }),
    ];
    const told: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      const id = `end-${round}`;
      await order(id, named(id, 1));
      await until('its request', () => callsFor(id) === 1);
      await new Promise((resolve) => setTimeout(resolve, round * 12));
      const ask = operations[round % operations.length] as (id: string) => Promise<unknown>;
      told.push(
        await ask(id).then(
          () => 'done',
          (error: unknown) => (error as OperationRefused).kind ?? String(error),
        ),
      );
      expect(await resultOf(id)).toMatchObject({ total: 1, success: 1 });
      expect(callsFor(id)).toBe(1);
    }
    expect(told.filter((answer) => answer !== 'done' && answer !== 'ended')).toEqual([]);
  }, 120_000);

  test('two people retry an ended batch at once: it is taken up once', async () => {
    await endedBatch('both');
    const answers = await Promise.allSettled([1, 2].map(() => orderRetry(client, 'both', { failed: true })));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(await resultOf('both')).toMatchObject({ ok: true, success: 2 });
    expect(callsFor('both 2')).toBe(2);
  }, 60_000);
});
