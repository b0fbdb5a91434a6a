/** What people do to running work, from three places: our CLI, the client library, the Temporal CLI (SPEC B7, T3). */
import { describe, expect, onTestFinished, test } from 'vitest';
import { liveAttempt, queryProgress } from '../../src/client.ts';
import {
  cancelAll,
  cancelQueued,
  cancelTask,
  pauseBatch,
  resumeBatch,
  retryFailed,
  setMaxWorkers,
} from '../../src/client/operations.ts';
import { until } from '../support/cli.ts';
import type { CliAndClient } from '../support/cli-and-client.ts';
import { shareStackAndClient } from '../support/shared-stack.ts';

let { cli, provider, client, order, resultOf, statesOf } = {} as CliAndClient;
shareStackAndClient((started) => ({ cli, provider, client, order, resultOf, statesOf } = started));

const progress = async (id: string) => {
  const told = await queryProgress(client, client.workflow.getHandle(id));
  if (told === null) throw new Error(`${id} does not answer`);
  return told;
};
const callsFor = (part: string) => provider.calls.filter(({ prompt }) => prompt?.startsWith(part)).length;

/** A batch of so many tasks, two at a time; both requests are held until the test ends or lets them go. */
async function heldBatch(id: string, count = 4): Promise<() => void> {
  const release = provider.hold();
  onTestFinished(release);
  const tasks = Array.from({ length: count }, (_, i) => ({
    prompt: `${id} ${i + 1}`,
    task_name: `t${i + 1}`,
  }));
  await order(id, tasks, { max_workers: 2 });
  await until('two requests', () => callsFor(id) === 2);
  return release;
}

async function ours(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await cli.run([...args, '--json']);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('imgproof:')]);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** The line of docs/operations.md. */
async function temporals(id: string, name: string, input?: object): Promise<unknown> {
  const args = ['workflow', 'update', 'execute', '--workflow-id', id, '--name', name];
  if (input !== undefined) args.push('--input', JSON.stringify(input));
  const { code, stdout, stderr } = await cli.run(['temporal', ...args, '--output', 'json']);
  expect([code, stderr]).toEqual([0, '']);
  return (JSON.parse(stdout) as { result: unknown }).result;
}

interface Place {
  pause: (id: string, reason: string) => Promise<unknown>;
  resume: (id: string) => Promise<unknown>;
  setMaxWorkers: (id: string, max_workers: number) => Promise<unknown>;
  cancelTask: (id: string, task: string, now: boolean) => Promise<unknown>;
  cancelQueued: (id: string) => Promise<unknown>;
  cancelAll: (id: string, now: boolean) => Promise<unknown>;
  retry: (id: string, task: string) => Promise<unknown>;
}

const nowFlag = (now: boolean) => (now ? ['--now'] : []);

const PLACES: Record<string, Place> = {
  'our CLI': {
    pause: (id, reason) => ours('pause', id, '--reason', reason),
    resume: (id) => ours('resume', id),
    setMaxWorkers: (id, workers) => ours('resume', id, '--max-workers', String(workers)),
    cancelTask: (id, task, now) => ours('cancel', id, task, ...nowFlag(now)),
    cancelQueued: (id) => ours('cancel', id, '--queued'),
    cancelAll: (id, now) => ours('cancel', id, ...nowFlag(now)),
    retry: (id, task) => ours('retry', id, task, '--no-wait'),
  },
  'the client library': {
    pause: (id, reason) => pauseBatch(client, id, { reason }),
    resume: (id) => resumeBatch(client, id),
    setMaxWorkers: (id, workers) => setMaxWorkers(client, id, workers),
    cancelTask: (id, task, now) => cancelTask(client, id, { task, now }),
    cancelQueued: (id) => cancelQueued(client, id),
    cancelAll: (id, now) => cancelAll(client, id, { now }),
    retry: (id, task) => retryFailed(client, id, { tasks: [task] }),
  },
  'the Temporal CLI': {
    pause: (id, reason) => temporals(id, 'pause', { reason }),
    resume: (id) => temporals(id, 'resume'),
    setMaxWorkers: (id, max_workers) => temporals(id, 'setMaxWorkers', { max_workers }),
    cancelTask: (id, task, now) => temporals(id, 'cancelTask', { task, now }),
    cancelQueued: (id) => temporals(id, 'cancelQueued'),
    cancelAll: (id, now) => temporals(id, 'cancelAll', { now }),
    retry: (id, task) => temporals(id, 'retryFailed', { tasks: [task] }),
  },
};

describe.each(Object.entries(PLACES))('from %s (B7, T3)', (name, place) => {
  const idOf = (what: string) => `${what}-${name.split(' ').at(-2) ?? ''}`;

  test('pause starts nothing further, resume goes on', async () => {
    const id = idOf('paused');
    const release = await heldBatch(id);
    expect(await place.pause(id, '看一下')).toMatchObject({
      paused: true,
      changed: true,
      running: 2,
      queued: 2,
    });
    release();
    await until('both to end', async () => (await progress(id)).counters.completed === 2);
    expect(await progress(id)).toMatchObject({ paused: { reason: '看一下' }, counters: { queued: 2 } });
    expect(await place.resume(id)).toMatchObject({ paused: false, changed: true });
    expect(await resultOf(id)).toMatchObject({ ok: true, success: 4 });
  }, 60_000);

  test('the number of images at the same time changes while it runs', async () => {
    const id = idOf('wider');
    await heldBatch(id);
    expect(await place.setMaxWorkers(id, 3)).toMatchObject({ max_workers: 3 });
    await until('a third request', () => callsFor(id) === 3);
    await cancelAll(client, id, { now: true });
    await resultOf(id);
  }, 60_000);

  test('one queued task is dropped; a running one may finish, or is aborted with now', async () => {
    const id = idOf('single');
    const release = await heldBatch(id);
    expect(await place.cancelTask(id, 't4', false)).toMatchObject({ cancelled: [`${id}/t4`] });
    expect(await place.cancelTask(id, `${id}/t1`, false)).toMatchObject({ finishing: [`${id}/t1`] });
    expect(await place.cancelTask(id, 't2', true)).toMatchObject({ aborting: [`${id}/t2`] });
    await until('the abort', async () => (await statesOf(id))[1]?.status === 'cancelled');
    expect((await statesOf(id))[1]?.billing).toEqual({ no: 0, possible: 1, yes: 0 });
    // The server has noted the cancel; the request is out all the same.
    await until('its request', async () => (await liveAttempt(client, `${id}/t1`))?.state === 'running');
    const { stdout } = await cli.run(['get', id, 't1']);
    expect(stdout).toContain('a request has no end yet');
    release();
    expect(await resultOf(id)).toMatchObject({ success: 2, cancelled: 2, cost: { yes: 2, possible: 1 } });
    expect(callsFor(`${id} 4`)).toBe(0);
  }, 60_000);

  test('what is queued is dropped, what runs goes on', async () => {
    const id = idOf('emptied');
    const release = await heldBatch(id);
    expect(await place.cancelQueued(id)).toMatchObject({ cancelled: { length: 2 }, finishing: [] });
    release();
    expect(await resultOf(id)).toMatchObject({ success: 2, cancelled: 2, cost: { yes: 2, possible: 0 } });
  }, 60_000);

  test('everything is cancelled; sent requests bring their images all the same', async () => {
    const id = idOf('all');
    const release = await heldBatch(id);
    expect(await place.cancelAll(id, false)).toMatchObject({
      cancelled: { length: 2 },
      finishing: { length: 2 },
    });
    release();
    expect(await resultOf(id)).toMatchObject({ success: 2, cancelled: 2, cost: { yes: 2, possible: 0 } });
  }, 60_000);

  test('everything is cancelled now: the requests are aborted and may be billed', async () => {
    const id = idOf('now');
    await heldBatch(id);
    expect(await place.cancelAll(id, true)).toMatchObject({ aborting: { length: 2 } });
    expect(await resultOf(id)).toMatchObject({ success: 0, cancelled: 4, cost: { possible: 2 } });
  }, 60_000);

  test('what failed runs once more while its batch goes on', async () => {
    const id = idOf('again');
    const tasks = [
      { prompt: `${id} 1 [fault:400 times=1]`, task_name: 't1' },
      // Longer than a slow machine takes to ask for the first one once more.
      { prompt: `${id} 2 [fault:ok latency-ms=6000]`, task_name: 't2' },
    ];
    await order(id, tasks, { max_workers: 2 });
    await until('the failure', async () => (await statesOf(id))[0]?.status === 'failed');
    expect(await place.retry(id, 't1')).toMatchObject({ retried: [`${id}/t1`] });
    expect(await resultOf(id)).toMatchObject({ ok: true, success: 2 });
    expect(callsFor(`${id} 1`)).toBe(2);
  }, 60_000);
});
