/** An answer that was paid and is no image yet is never bought again, whatever ends its task; the provider's log is the judge. */
import { expect, test } from 'vitest';
import { until } from '../../support/cli.ts';
import { pendingAttempt } from '../../support/system.ts';
import { type Batch, untilStill } from './still-batch.ts';
import type { World } from './world.ts';

export function keptAnswers(world: World): void {
  /** Answers of these prompts only link to their image, whose host is busy. */
  const linkTo = (part: string, others: '401' | null = null) => {
    const { provider } = world.system;
    provider.setDownloadStatus(503);
    provider.setScript(({ prompt }) => {
      if (prompt?.includes(part)) return 'url';
      return others === null ? undefined : { kind: others, latencyMs: 1_500 };
    });
  };
  const untilItWaits = async (batch: Batch) => {
    const task = world.system.client.getHandle(`${batch.workflowId}/t1`);
    await until('the wait for the link', async () => ((await pendingAttempt(task).catch(() => 0)) ?? 0) >= 2);
  };
  const cancelTask = (batch: Batch) => batch.executeUpdate('cancelTask', { args: [{ task: 't1' }] });

  test('a batch that pauses meanwhile gets it after resume, without another call (R7, R5)', async () => {
    const { system, callsFor } = world;
    linkTo('linked, then paused', '401');
    const tasks = [
      { prompt: 'linked, then paused', task_name: 't1' },
      { prompt: 'the key is refused', task_name: 't2' },
    ];
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 2 }));
    const { counters } = await untilStill(batch);
    expect(counters).toMatchObject({ queued: 2 });
    const [linked] = await batch.query<{ billing: object }[]>('tasks');
    expect(linked?.billing).toMatchObject({ no: 0, possible: 0, yes: 1 });
    system.provider.setScript([]);
    system.provider.setDownloadStatus(200);
    await batch.executeUpdate('resume');
    const summary = await batch.result();
    expect(summary).toMatchObject({ ok: true, success: 2, cost: { no: 1, possible: 0, yes: 2 } });
    expect(callsFor('linked, then paused')).toHaveLength(1);
  });

  test('a cancel that lets sent requests finish brings its image (B7)', async () => {
    const { system, callsFor } = world;
    linkTo('linked, then cancelled');
    const batch = await system.startBatch(
      system.batch([{ prompt: 'linked, then cancelled', task_name: 't1' }]),
    );
    await untilItWaits(batch);
    system.provider.setDownloadStatus(200);
    await cancelTask(batch);
    expect(await batch.result()).toMatchObject({ ok: true, success: 1, cost: { possible: 0, yes: 1 } });
    expect(callsFor('linked, then cancelled')).toHaveLength(1);
  });

  test('a task that ends cancelled with it lists it as paid; a retry gets it without another call (R4, B7)', async () => {
    const { system, callsFor, resultOf } = world;
    linkTo('linked, given up');
    const id = `given-up-${Date.now()}`;
    const batch = await system.startBatch(
      system.batch([{ prompt: 'linked, given up', task_name: 't1' }]),
      id,
    );
    await untilItWaits(batch);
    await cancelTask(batch);
    const given = await batch.result();
    expect(given).toMatchObject({ ok: false, cancelled: 1, cost: { no: 0, possible: 0, yes: 1 } });
    const [row] = (await system.recordOf(given)).results;
    expect((await resultOf(row?.result_json)).attempts).toMatchObject([
      { billing: 'yes', category: 'cancelled', error: expect.stringContaining('kept') as unknown },
    ]);
    system.provider.setDownloadStatus(200);
    const again = { retry: { batch_dir: given.batch_dir, tasks: [`${id}/t1`] } };
    const summary = await (await system.startBatch(again, id)).result();
    expect(summary).toMatchObject({ ok: true, success: 1, cost: { no: 0, possible: 0, yes: 1 } });
    expect(callsFor('linked, given up')).toHaveLength(1);
  });

  test('one that was found to be no image is not kept: a retry is another call (B7)', async () => {
    const { system, callsFor } = world;
    const id = `no-image-${Date.now()}`;
    const tasks = [{ prompt: 'no image once [fault:empty_data times=1]', task_name: 't1' }];
    const failed = await (await system.startBatch(system.batch(tasks), id)).result();
    expect(failed).toMatchObject({ failed: 1, cost: { yes: 1 } });
    const again = { retry: { batch_dir: failed.batch_dir, failed: true } };
    const summary = await (await system.startBatch(again, id)).result();
    expect(summary).toMatchObject({ ok: true, success: 1, cost: { yes: 2 } });
    expect(callsFor('no image once')).toHaveLength(2);
  });
}
