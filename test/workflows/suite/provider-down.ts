/** When the provider refuses credentials, money or model (SPEC R7); its own call log is the judge. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { TaskState } from '../../../src/domain/messages.ts';
import type { AttemptRecord, TaskStateRecord } from '../../../src/domain/records.ts';
import { until } from '../../support/cli.ts';
import type { ScriptStep } from '../../support/provider-script.ts';
import { type Batch, progress, untilStill } from './still-batch.ts';
import type { World } from './world.ts';

/** A 403 or 404 that names neither key, organisation nor model. */
const VAGUE = 'code=forbidden message=Forbidden.';

export function providerDown(world: World): void {
  const named = (prompts: readonly string[]) =>
    prompts.map((prompt, i) => ({ prompt, task_name: `t${i + 1}` }));
  const prompts = (name: string, count: number) =>
    named(Array.from({ length: count }, (_, i) => `${name} ${i + 1}`));
  const refuse = (part: string, step: ScriptStep) =>
    world.system.provider.setScript(({ prompt }) => (prompt?.includes(part) ? step : undefined));

  test.each([
    ['401', '401', 'auth', 'check the key'],
    ['402', '402', 'quota', 'top up'],
    ['insufficient_quota', 'insufficient_quota', 'quota', 'top up'],
    ['late quota', { kind: 'error_in_200', code: 'insufficient_quota' }, 'quota', 'top up'],
    ['late 401', { kind: 'error_in_200', code: '401' }, 'auth', 'check the key'],
  ] as const)(
    'a %s pauses the batch; refused tasks wait, and resume starts them',
    async (said, step, category, words) => {
      const { system, callsFor } = world;
      const name = `locked by ${said}`;
      refuse(name, step);
      const batch = await system.startBatch(system.batch(prompts(name, 10)));
      const { paused, counters } = await untilStill(batch);
      expect(paused).toMatchObject({
        by: 'provider_down',
        reason: expect.stringMatching(new RegExp(`${words}.*: HTTP \\d+ `, 'u')) as unknown,
      });
      expect(counters).toMatchObject({ queued: 10, failed: 0, running: 0 });
      const refused = callsFor(name).length;
      expect(refused).toBeGreaterThanOrEqual(1);
      expect(refused).toBeLessThanOrEqual(4);
      expect((await batch.describe()).memo).toMatchObject({
        paused: paused?.reason,
        paused_by: 'provider_down',
      });
      const [first] = await states(batch);
      expect(first).toMatchObject({
        status: 'queued',
        error: paused?.reason,
        billing: { no: 1, possible: 0 },
      });
      await expectEvidence(batch, category);

      system.provider.setScript([]);
      await batch.executeUpdate('setMaxWorkers', { args: [{ max_workers: 2 }] });
      await batch.executeUpdate('resume');
      const summary = await batch.result();
      expect(summary).toMatchObject({ ok: true, success: 10, cost: { no: refused, possible: 0, yes: 10 } });
      expect(callsFor(name)).toHaveLength(refused + 10);
      const { results } = await system.recordOf(summary);
      expect(results.every(({ acceptable }) => acceptable)).toBe(true);
    },
  );

  test('calls in flight bring their images; nothing further begins', async () => {
    const { system, callsFor } = world;
    const slow = 'in flight [fault:ok latency-ms=1500]';
    const tasks = named([`${slow} 1`, `${slow} 2`, 'refused beside [fault:401 times=1]', 'waits beside']);
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 3 }));
    const { counters } = await untilStill(batch);
    expect(counters).toMatchObject({ completed: 2, queued: 2, failed: 0 });
    expect([callsFor('in flight').length, callsFor('beside').length]).toEqual([2, 1]);
    await batch.executeUpdate('resume');
    expect(await batch.result()).toMatchObject({ ok: true, success: 4, cost: { no: 1, yes: 4 } });
  });

  test('a task between two requests sends none; what it sent counts on after resume (R1)', async () => {
    const { system, callsFor } = world;
    const tasks = named([
      'between requests [fault:500]',
      'refused between [fault:401 latency-ms=800 times=1]',
    ]);
    const batch = await system.startBatch(system.batch(tasks, { retry_base_delay: 600, max_attempts: 2 }));
    expect((await untilStill(batch)).counters).toMatchObject({ queued: 2, cancelled: 0 });
    expect(callsFor('between requests')).toHaveLength(1);
    expect((await states(batch))[0]).toMatchObject({ billing: { possible: 1 } });
    await batch.executeUpdate('resume');
    expect(await batch.result()).toMatchObject({
      success: 1,
      failed: 1,
      failed_by: { server_error: 1 },
      cost: { no: 1, possible: 2, yes: 1 },
    });
    expect(callsFor('between requests')).toHaveLength(2);
  });

  test("Temporal's own cancel of a task that is held ends it: nothing is sent for it after resume (B7)", async () => {
    const { system, callsFor, untilCalled } = world;
    const tasks = named([
      'held, then cancelled [fault:ok latency-ms=30000]',
      'refused beside the held one [fault:401 latency-ms=500 times=1]',
    ]);
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 2 }));
    await untilCalled('held, then cancelled');
    await until('the pause', async () => (await progress(batch)).paused !== null);
    await system.client.getHandle(`${batch.workflowId}/t1`).cancel();
    expect((await untilStill(batch)).counters).toMatchObject({ cancelled: 1, queued: 1 });
    await batch.executeUpdate('resume');
    expect(await batch.result()).toMatchObject({
      success: 1,
      cancelled: 1,
      cost: { no: 1, possible: 1, yes: 1 },
    });
    expect(callsFor('held, then cancelled')).toHaveLength(1);
  });

  test.each(['403', '404'])(
    'a %s that names nothing pauses when it is the second in a row',
    async (status) => {
      const { system, callsFor } = world;
      const name = `vague ${status}`;
      const tasks = named([
        `${name} 1 [fault:${status} ${VAGUE} times=1]`,
        `${name} 2 [fault:${status} ${VAGUE} times=1]`,
        `${name} 3`,
      ]);
      const batch = await system.startBatch(system.batch(tasks, { max_workers: 1 }));
      const { counters, paused } = await untilStill(batch);
      expect([paused?.by, callsFor(name).length]).toEqual(['provider_down', 2]);
      expect(counters).toMatchObject({ queued: 3, failed: 0 });
      await batch.executeUpdate('resume');
      expect(await batch.result()).toMatchObject({ ok: true, success: 3, cost: { no: 2, yes: 3 } });
      expect(callsFor(name)).toHaveLength(5);
    },
  );

  test('with an answer between them, such refusals are their tasks’ own', async () => {
    const { system, callsFor } = world;
    const tasks = named([
      `apart 1 [fault:403 ${VAGUE}]`,
      'apart 2',
      `apart 3 [fault:404 ${VAGUE}]`,
      'apart 4',
    ]);
    const batch = await system.startBatch(system.batch(tasks, { max_workers: 1 }));
    expect(await batch.result()).toMatchObject({ success: 2, failed: 2 });
    expect(callsFor('apart')).toHaveLength(4);
  });

  test.each(['403', '404'])('a %s that names organisation or model pauses at once', async (status) => {
    const { system, callsFor } = world;
    const name = `by name ${status}`;
    const batch = await system.startBatch(
      system.batch(named([`${name} 1 [fault:${status} times=1]`, `${name} 2`]), { max_workers: 1 }),
    );
    await untilStill(batch);
    expect(callsFor(name)).toHaveLength(1);
    await batch.executeUpdate('resume');
    expect(await batch.result()).toMatchObject({ ok: true, success: 2 });
  });

  test('cancelled while it is paused, it ends, and nothing more is sent (B7)', async () => {
    const { system, callsFor } = world;
    refuse('given up', '401');
    const batch = await system.startBatch(system.batch(prompts('given up', 3), { max_workers: 1 }));
    await untilStill(batch);
    await batch.executeUpdate('cancelAll');
    const summary = await batch.result();
    expect(summary).toMatchObject({ ok: false, cancelled: 3, cost: { no: 1 } });
    expect(callsFor('given up')).toHaveLength(1);
    expect((await system.recordOf(summary)).results[0]).toMatchObject({ attempts_count: 1 });
  });

  test('still refused after resume, it pauses again', async () => {
    const { system, callsFor } = world;
    refuse('refused twice', '401');
    const batch = await system.startBatch(system.batch(prompts('refused twice', 2), { max_workers: 1 }));
    const { paused } = await untilStill(batch);
    await batch.executeUpdate('resume');
    await until('the second pause', async () => {
      const now = (await progress(batch)).paused;
      return now !== null && now.since !== paused?.since;
    });
    await untilStill(batch);
    expect(callsFor('refused twice')).toHaveLength(2);
    system.provider.setScript([]);
    await batch.executeUpdate('resume');
    expect(await batch.result()).toMatchObject({ ok: true, success: 2, cost: { no: 2, yes: 2 } });
  });

  test('on_provider_down fail: the remaining tasks end failed with the reason, without a call', async () => {
    const { system, callsFor, resultOf } = world;
    refuse('failing fast', '401');
    const request = system.batch(prompts('failing fast', 5), { max_workers: 1, on_provider_down: 'fail' });
    const summary = await (await system.startBatch(request)).result();
    expect(summary).toMatchObject({ ok: false, failed: 5, failed_by: { auth: 5 }, cost: { no: 1 } });
    expect(callsFor('failing fast')).toHaveLength(1);
    const { results } = await system.recordOf(summary);
    expect(results[0]).toMatchObject({
      attempts_count: 1,
      error: expect.stringMatching(/^HTTP 401/u) as unknown,
    });
    expect(await resultOf(results[4]?.result_json)).toMatchObject({
      status: 'failed',
      attempts_count: 0,
      error: expect.stringContaining('nothing further was sent: the provider refused task 1') as unknown,
      diagnosis: { category: 'auth' },
    });
  });

  test('on_provider_down fail: a task between two requests sends none and ends failed', async () => {
    const { system, callsFor } = world;
    const tasks = named([
      'cut short [fault:500 retry-after=600]',
      'cutting short [fault:401 latency-ms=800]',
    ]);
    const request = system.batch(tasks, { on_provider_down: 'fail' });
    const summary = await (await system.startBatch(request)).result();
    expect(summary).toMatchObject({
      failed: 2,
      cancelled: 0,
      failed_by: { auth: 2 },
      cost: { no: 1, possible: 1 },
    });
    expect(callsFor('cut short')).toHaveLength(1);
  });

  /** Its first task has no last word; what was refused is on record, and cost nothing. */
  async function expectEvidence(batch: Batch, category: string): Promise<void> {
    const { batch_dir } = await progress(batch);
    const folder = join(String(batch_dir), '01-t1');
    const state = JSON.parse(await readFile(join(folder, 'state.json'), 'utf8')) as TaskStateRecord;
    expect(state).toMatchObject({ status: 'queued', last_error: expect.stringContaining('HTTP') as unknown });
    expect(existsSync(join(folder, 'result.json'))).toBe(false);
    const attempt = JSON.parse(
      await readFile(join(folder, 'attempt-01', 'result.json'), 'utf8'),
    ) as AttemptRecord;
    expect(attempt).toMatchObject({ ok: false, category, billing: 'no' });
    expect(dirname(folder)).toBe(batch_dir);
  }
}

const states = (batch: Batch) => batch.query<TaskState[]>('tasks');
