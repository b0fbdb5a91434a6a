/** SPEC S, deadline: the time of a task, from its first request on, over waits, workers and Temporal's attempts. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createPaidActivities } from '../../src/activities/index.ts';
import { Spool } from '../../src/artifacts/spool.ts';
import type { AttemptRequest } from '../../src/domain/records.ts';
import type { AdmittedTask } from '../../src/domain/task.ts';
import { rawServer } from '../provider/raw-server.ts';
import { type ActivityWorld, activityWorld, API_KEY, failureOf, RUN_ID } from '../support/activity-world.ts';

const OVER = { nonRetryable: true, details: [{ category: 'task_deadline' }] };

describe("a request's limit is the smaller of timeout_ms and the time left", () => {
  test('the task limit cuts a request off: task_deadline, possibly billed, no further request', async () => {
    const { provider, task, attempt, recordOf, stateOf } = await activityWorld({ script: ['hang'] });
    const cover = task({ task_timeout_ms: 400 });
    const running = attempt(cover);
    expect(await failureOf(running)).toMatchObject(OVER);
    await provider.waitForInFlight(0);
    expect(provider.calls).toMatchObject([{ event: 'aborted' }]);
    expect(await recordOf(cover)).toMatchObject({
      ok: false,
      category: 'task_deadline',
      phase: 'sent',
      billing: 'possible',
      retryable: false,
      next_attempt_at: null,
    });
    expect((await requestOf(cover, 1)).timeout_ms).toBeLessThanOrEqual(400);
    expect((await stateOf(cover)).last_error).toContain('no complete answer within the limit');
    expect(await failureOf(attempt(cover, 2))).toMatchObject(OVER);
    expect(provider.calls).toHaveLength(1);
  });

  test('with both the same it is the task that is over', async () => {
    const { task, attempt } = await activityWorld({ script: ['hang'] });
    const cover = task({ task_timeout_ms: 400, timeout_ms: 400 });
    expect(await failureOf(attempt(cover))).toMatchObject(OVER);
  });

  test('timeout_ms cuts a request off: the next one has what is left', async () => {
    const { provider, task, attempt } = await activityWorld({ script: ['hang', 'ok'] });
    const cover = task({ task_timeout_ms: 20_000, timeout_ms: 300, retry_base_delay_ms: 1 });
    expect(await failureOf(attempt(cover))).toMatchObject({
      nonRetryable: false,
      details: [{ category: 'request_timeout' }],
    });
    await sleep(20);
    const slow = { ...cover, timeout_ms: 60_000 };
    expect((await attempt(slow, 2).result).attempt).toBe(2);
    const { timeout_ms } = await requestOf(cover, 2);
    expect(timeout_ms).toBeGreaterThan(5_000);
    expect(timeout_ms).toBeLessThan(19_700);
    expect(provider.calls).toHaveLength(2);
  });

  test.each([
    ['the task limit', { task_timeout_ms: 400 }, OVER],
    [
      'timeout_ms',
      { task_timeout_ms: 60_000, timeout_ms: 400 },
      {
        nonRetryable: false,
        nextRetryDelay: expect.closeTo(30_000, -3),
        details: [{ category: 'rate_limited' }],
      },
    ],
  ])('a 429 whose body stalls is ended by %s', async (_, limits, end) => {
    const stalls = 'HTTP/1.1 429 X\r\nretry-after: 30\r\ncontent-length: 100\r\n\r\n{"err';
    const { baseUrl } = await rawServer({ answer: (socket) => void socket.write(stalls) });
    const { configure, task, attempt } = await activityWorld();
    await configure({ baseUrl, apiKey: API_KEY });
    expect(await failureOf(attempt(task(limits)))).toMatchObject(end);
  });

  test('the first request goes out however short the limit is', async () => {
    const { provider, task, attempt } = await activityWorld();
    expect((await attempt(task({ task_timeout_ms: 4_000 })).result).attempt).toBe(1);
    expect(provider.calls).toHaveLength(1);
  });

  test('signs of life say the limit and the deadline', async () => {
    const { provider, task, attempt } = await activityWorld({ latencyMs: 6_000 });
    const running = attempt(task({ task_timeout_ms: 12_000 }));
    await provider.waitForInFlight(1);
    await running.result;
    const [first, second] = running.heartbeats;
    expect(first).toMatchObject({ deadline_at: null, limit_seconds: 30 });
    expect(second).toMatchObject({ waiting_for: 'the image', limit_seconds: 12 });
    expect(Date.parse(second?.deadline_at as string) - Date.now()).toBeLessThan(7_000);
  });
});

describe('waits are part of the time', () => {
  test('when the next attempt would start after the deadline the task ends now with its last category', async () => {
    const script = [{ kind: '429' as const, retryAfter: '600' }];
    const { provider, task, attempt, recordOf } = await activityWorld({ script });
    const cover = task({ task_timeout_ms: 30_000 });
    const failure = await failureOf(attempt(cover));
    expect(failure).toMatchObject({ nonRetryable: true, details: [{ category: 'rate_limited' }] });
    expect(failure.message).toContain('the time of this task would be over before the next request');
    expect(await recordOf(cover)).toMatchObject({ next_attempt_at: null, billing: 'no' });
    expect(await failureOf(attempt(cover, 2))).toMatchObject({ nonRetryable: true });
    expect(provider.calls).toHaveLength(1);
  });

  test('with under 5 s left the task ends timed_out without a call', async () => {
    const { provider, task, attempt, recordOf } = await activityWorld({ script: ['500', 'ok'] });
    const cover = task({ task_timeout_ms: 5_200, retry_base_delay_ms: 300 });
    expect(await failureOf(attempt(cover))).toMatchObject({ nonRetryable: false });
    await sleep(350);
    const late = await failureOf(attempt(cover, 2));
    expect(late).toMatchObject(OVER);
    expect(late.message).toMatch(/ends in [1-5] s, too soon for another request/u);
    expect(provider.calls).toHaveLength(1);
    await expect(recordOf(cover, 2)).rejects.toThrow('ENOENT');
  });

  test('an answer that was paid is adopted after the deadline', async () => {
    const { provider, task, attempt, spooledAnswers } = await activityWorld({ latencyMs: 200 });
    const cover = task({ task_timeout_ms: 3_000 });
    const lost = attempt(cover);
    await provider.waitForInFlight(1);
    lost.cancel('notFound');
    await expect.poll(spooledAnswers).toHaveLength(1);
    await lost.result.catch(() => undefined);
    await sleep(3_000);
    expect((await attempt(cover, 2).result).attempt).toBe(1);
    expect(provider.calls).toHaveLength(1);
  });
});

describe('the time runs on when workers change', () => {
  test('after a worker that was killed in its request', async () => {
    const { task, attempt, provider, recordOf, ...world } = await activityWorld();
    const cover = task({ task_timeout_ms: 60_000 });
    await killedRequest(world, cover, Date.now() + 3_000);
    expect(await failureOf(attempt(cover, 2))).toMatchObject(OVER);
    expect(await recordOf(cover)).toMatchObject({ category: 'worker_died', billing: 'possible' });
    expect(provider.calls).toHaveLength(0);
  });

  test('and after a reset of its workflow', async () => {
    const { task, attempt, provider, ...world } = await activityWorld();
    const cover = task({ task_timeout_ms: 60_000 });
    await killedRequest(world, cover, Date.now() - 1_000);
    const after = await failureOf(attempt(cover, 1, { runId: 'another-run' }));
    expect(after).toMatchObject(OVER);
    expect(after.message).toContain('the time of this task is over');
    expect(provider.calls).toHaveLength(0);
  });

  test('on another host, which has it from the last sign of life', async () => {
    const { task, attempt, provider, deps, folder } = await activityWorld();
    const spool = new Spool(join(folder, 'other-host'));
    const worker = createPaidActivities({ ...deps, spool });
    const heartbeatDetails = { deadline_at: new Date(Date.now() + 2_000).toISOString() };
    const cover = task({ task_timeout_ms: 60_000 });
    expect(await failureOf(attempt(cover, 2, { worker, heartbeatDetails }))).toMatchObject(OVER);
    expect(provider.calls).toHaveLength(0);
  });

  test('two workers at once end together', async () => {
    const { task, attempt, deps, provider } = await activityWorld({ script: ['hang'] });
    const cover = task({ task_timeout_ms: 800 });
    const first = attempt(cover);
    await provider.waitForInFlight(1);
    const second = attempt(cover, 2, { worker: createPaidActivities({ ...deps }) });
    expect(await failureOf(first)).toMatchObject(OVER);
    expect(await failureOf(second)).toMatchObject(OVER);
    expect(provider.calls).toHaveLength(1);
  });
});

test("a queue's events say when a deadline ends a request, and when that is recorded (F4)", async () => {
  const { task, attempt, folder } = await activityWorld({ script: ['hang'] });
  const state_dir = join(folder, 'queue');
  await mkdir(state_dir);
  const queue = { state_dir, queue_id: 'q-1', task_id: 't-1', generation_id: 'g-1' };
  await failureOf(attempt(task({ task_timeout_ms: 300, queue })));
  const events = (await readFile(join(state_dir, 'events.jsonl'), 'utf8')).trim().split('\n');
  const kills = events
    .map((line) => JSON.parse(line) as object)
    .filter((event) => JSON.stringify(event).includes('kill'));
  expect(kills).toMatchObject([
    { event: 'task_timeout_kill_start', task_id: 't-1', attempt: 1 },
    { event: 'task_timeout_kill_done', task_id: 't-1', attempt: 1 },
  ]);
});

/** A request that went out, of a process that is no more. */
async function killedRequest(
  { deps }: Pick<ActivityWorld, 'deps'>,
  task: AdmittedTask,
  deadlineAtMs: number,
): Promise<void> {
  const { generation_id, request_fingerprint, task_key } = task;
  const entry = await deps.spool.open(task);
  await entry.markBegan(RUN_ID, 1);
  await entry.writeIntent({
    generation_id,
    request_fingerprint,
    attempt: 1,
    temporal_attempt: 1,
    workflow_id: task_key,
    started_at: new Date().toISOString(),
    deadline_at: new Date(deadlineAtMs).toISOString(),
    worker_id: 'host/slot-2',
    pid: 4242,
    thread_id: 0,
    run_id: RUN_ID,
  });
  entry.markSent(1);
}

async function requestOf({ run_dir }: AdmittedTask, attempt: number): Promise<AttemptRequest> {
  const path = join(run_dir, `attempt-0${attempt}`, 'request.json');
  return JSON.parse(await readFile(path, 'utf8')) as AttemptRequest;
}
