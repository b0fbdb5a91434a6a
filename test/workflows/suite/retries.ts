import { expect, test } from 'vitest';
import { FAILURE_TYPES } from '../../../src/domain/failure.ts';
import type { TaskRow } from '../../../src/domain/records.ts';
import { failureOf } from '../../support/system.ts';
import type { World } from './world.ts';

export function retries(world: World): void {
  test('a 429 with Retry-After is waited for and does not count as an attempt (R1, R3)', async () => {
    const { waits, resultOf } = world;
    const wait = `retry-after=${waits.announcedSeconds}`;
    const { row, elapsedMs } = await timed({
      prompt: `slow down [fault:429 ${wait} times=2]`,
      max_attempts: 1,
    });
    expect(elapsedMs).toBeGreaterThanOrEqual(2 * waits.announcedSeconds * 1000);
    const { attempts } = await resultOf(row.result_json);
    expect(attempts.map(({ http_status, billing }) => [http_status, billing])).toEqual([
      [429, 'no'],
      [429, 'no'],
      [200, 'yes'],
    ]);
  });

  test('a storm of 429 fails no task, and one refusal keeps the others from asking (R1, R3)', async () => {
    const { system, waits, callsFor } = world;
    const retryAfter = `${waits.announcedSeconds}`;
    let refusals = 6;
    system.provider.setScript(() => (refusals-- > 0 ? { kind: '429', retryAfter } : undefined));
    // However the machine interleaves the six: the lane never waits longer than this after a refusal.
    const fields = { max_attempts: 1, retry_max_delay: waits.announcedSeconds };
    const tasks = Array.from({ length: 6 }, (_, i) => ({ prompt: `storm ${i}`, ...fields }));
    const summary = await (await system.startBatch(system.batch(tasks))).result();
    const { success, cost } = await system.recordOf(summary);
    expect([success, cost]).toEqual([6, { no: 6, possible: 0, yes: 6 }]);
    expect(callsFor('storm')).toHaveLength(12);
  });

  test('a wait the server announces may be longer than retry_max_delay (R3)', async () => {
    const { waits } = world;
    const { row, elapsedMs } = await timed({
      prompt: `busy [fault:503 retry-after=${waits.longAnnouncedSeconds} times=1]`,
      retry_max_delay: waits.longAnnouncedSeconds / 2,
    });
    expect(row).toMatchObject({ status: 'completed', attempts_count: 2 });
    expect(elapsedMs).toBeGreaterThanOrEqual(waits.longAnnouncedSeconds * 1000);
  });

  test('without a word from the server the wait doubles up to retry_max_delay (R3)', async () => {
    const { waits, resultOf } = world;
    const { row, elapsedMs } = await timed({
      prompt: 'stumbling [fault:500 times=2]',
      retry_base_delay: waits.baseDelaySeconds,
      retry_max_delay: waits.maxDelaySeconds,
    });
    expect(row).toMatchObject({ status: 'completed', billing: { no: 0, possible: 2, yes: 1 } });
    expect(elapsedMs).toBeGreaterThanOrEqual((waits.baseDelaySeconds + waits.maxDelaySeconds) * 1000);
    const { attempts } = await resultOf(row.result_json);
    expect(attempts.map(({ category }) => category)).toEqual(['server_error', 'server_error', null]);
  });

  test('max_attempts requests are sent, each recorded, then the task fails (R1, R4)', async () => {
    const { system, alone, callsFor } = world;
    const failure = await failureOf(
      await system.startTask(alone({ prompt: 'broken [fault:500 times=9]', max_attempts: 3 })),
    );
    expect(failure.type).toBe(FAILURE_TYPES.taskFailed);
    expect(failure.row).toMatchObject({
      status: 'failed',
      category: 'server_error',
      attempts_count: 3,
      billing: { possible: 3 },
    });
    expect(callsFor('broken')).toHaveLength(3);
  });

  test('a request without answer ends at timeout_ms; after the last one the task is timed_out, possibly billed', async () => {
    const { system, alone } = world;
    const request = alone({ prompt: 'silent [fault:hang times=9]', max_attempts: 2, timeout_ms: 1_000 });
    const failure = await failureOf(await system.startTask(request));
    expect(failure).toMatchObject({
      type: FAILURE_TYPES.taskTimedOut,
      row: { status: 'timed_out', category: 'request_timeout', billing: { no: 0, possible: 2, yes: 0 } },
    });
  });

  test('on_unknown hold: what may have been paid is not sent again; the task needs review (R4)', async () => {
    const { system, alone, callsFor, resultOf } = world;
    const request = alone({ prompt: 'held back [fault:500]', on_unknown: 'hold' });
    const { row, type } = await failureOf(await system.startTask(request));
    expect(type).toBe(FAILURE_TYPES.taskFailed);
    expect(row).toMatchObject({ status: 'failed', category: 'needs_review', billing: { possible: 1 } });
    expect(await resultOf(row.result_json)).toMatchObject({
      diagnosis: { category: 'needs_review', retryable: false },
      attempts: [{ category: 'server_error', billing: 'possible', next_attempt_at: null }],
    });
    expect(callsFor('held back')).toHaveLength(1);
  });

  test('on_unknown once: one further request is sent (R4)', async () => {
    const { system, alone, callsFor } = world;
    const request = alone({ prompt: 'once more [fault:500]', on_unknown: 'once', max_attempts: 5 });
    const { row } = await failureOf(await system.startTask(request));
    expect(row).toMatchObject({ status: 'failed', category: 'server_error', billing: { possible: 2 } });
    expect(callsFor('once more')).toHaveLength(2);
  });

  /** A lone task to its end, and how long that was by the server's clock. */
  async function timed(fields: object): Promise<{ row: TaskRow; elapsedMs: number }> {
    const { system, alone, serverTimeMs } = world;
    const handle = await system.startTask(alone(fields));
    const rows: TaskRow[] = [];
    const elapsedMs = await serverTimeMs(async () => rows.push(await handle.result()));
    return { row: rows[0] as TaskRow, elapsedMs };
  }
}
