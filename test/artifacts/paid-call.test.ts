import { setTimeout as sleep } from 'node:timers/promises';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CallFailure } from '../../src/artifacts/call-failures.ts';
import { Flights } from '../../src/artifacts/flights.ts';
import { type PaidAnswer, payOnce } from '../../src/artifacts/paid-call.ts';
import { SpoolDamaged } from '../../src/artifacts/spool.ts';
import type { AttemptRecord } from '../../src/domain/records.ts';
import { callOf, entryOf, failureOf, intent, KEY, provider } from '../support/paid-calls.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('a paid answer is spooled and adopted (R5)', () => {
  test('the second attempt adopts the spooled answer and sends nothing', async () => {
    const root = tempFolder();
    const { url, calls } = await provider();
    const first = await payOnce(callOf(await entryOf(root), { url }));
    const second = await payOnce(callOf(await entryOf(root), { url, temporalAttempt: 2 }));
    expect([first.adopted, second.adopted, calls()]).toEqual([false, true, 1]);
    expect(second.body.toString()).toBe('image 1');
    expect(second.header).toEqual(first.header);
  });

  test('an answer of another request fingerprint or generation is never adopted', async () => {
    const root = tempFolder();
    const { url, calls } = await provider();
    await payOnce(callOf(await entryOf(root), { url }));
    await payOnce(callOf(await entryOf(root, { ...KEY, request_fingerprint: 'e'.repeat(64) }), { url }));
    await payOnce(callOf(await entryOf(root, { ...KEY, generation_id: 'g-2' }), { url }));
    expect(calls()).toBe(3);
  });

  test.each([
    ['one byte of its body changed', (bytes: Buffer) => bytes.with(bytes.length - 1, 0x21)],
    ['its end is missing', (bytes: Buffer) => bytes.subarray(0, -1)],
    [
      'it answers another generation',
      (bytes: Buffer) => Buffer.from(bytes.toString().replace('"g-1"', '"g-9"')),
    ],
    ['its header is cut', () => Buffer.from('{"attempt":1')],
  ])('a spooled answer is refused, not adopted and not bought again, when %s', async (_name, damage) => {
    const root = tempFolder();
    const { url, calls } = await provider();
    const entry = await entryOf(root);
    await payOnce(callOf(entry, { url }));
    const path = join(entry.folder, '01.answer');
    await writeFile(path, damage(await readFile(path)));
    await expect(payOnce(callOf(entry, { url }))).rejects.toThrow(SpoolDamaged);
    expect(calls()).toBe(1);
  });

  test('no temporary file is left behind', async () => {
    const root = tempFolder();
    const { url } = await provider();
    const entry = await entryOf(root);
    await payOnce(callOf(entry, { url }));
    expect((await readdir(entry.folder)).sort()).toEqual(['01.answer', '01.intent.json']);
  });
});

describe('max_attempts counts requests sent, read from the spool (R1)', () => {
  const serverError: CallFailure = {
    category: 'server_error',
    phase: 'done',
    message: '500',
    httpStatus: 500,
  };

  test('the last allowed request ends with the attempts used up; a further attempt sends nothing', async () => {
    const entry = await entryOf(tempFolder());
    const ended: AttemptRecord[] = [];
    for (let n = 1; n <= 2; n += 1) {
      expect((await failureOf(payOnce(callOf(entry, { fail: serverError, ended })))).usedUp).toBe(false);
      await sleep(5);
    }
    expect((await failureOf(payOnce(callOf(entry, { fail: serverError, ended })))).usedUp).toBe(true);
    await sleep(5);
    expect((await failureOf(payOnce(callOf(entry, { fail: serverError, ended })))).usedUp).toBe(true);
    expect(ended.map(({ attempt, billing }) => [attempt, billing])).toEqual([
      [1, 'possible'],
      [2, 'possible'],
      [3, 'possible'],
    ]);
  });

  test('a request cut off by its worker’s death counts, is billed possibly, and is told', async () => {
    const entry = await entryOf(tempFolder());
    const { url, calls } = await provider();
    const ended: AttemptRecord[] = [];
    await entry.writeIntent(intent(1));
    entry.markSent(1);
    const failure = await failureOf(payOnce(callOf(entry, { url, maxAttempts: 1, ended })));
    expect([failure.usedUp, calls()]).toEqual([true, 0]);
    expect(ended).toMatchObject([{ attempt: 1, category: 'worker_died', billing: 'possible', pid: 4242 }]);
    const paid = await payOnce(callOf(entry, { url, maxAttempts: 2, ended }));
    expect([paid.header.attempt, calls()]).toEqual([2, 1]);
    expect(ended).toHaveLength(1);
  });

  test('a crash before the first byte of a request is told, costs nothing and does not count', async () => {
    const entry = await entryOf(tempFolder());
    const { url, calls } = await provider();
    const ended: AttemptRecord[] = [];
    await entry.writeIntent(intent(1));
    const paid = await payOnce(callOf(entry, { url, maxAttempts: 1, ended }));
    expect(ended).toMatchObject([
      { attempt: 1, category: 'worker_died', phase: 'connecting', billing: 'no' },
    ]);
    expect([paid.header.attempt, calls()]).toEqual([2, 1]);
  });

  test('numbers go on behind the attempts that the task’s folder knows (R4)', async () => {
    const { url } = await provider();
    const paid = await payOnce(callOf(await entryOf(tempFolder()), { url, recordedAttempts: 2 }));
    expect(paid.header.attempt).toBe(3);
  });

  test('after the last request no further one is announced', async () => {
    const ended: AttemptRecord[] = [];
    const fail: CallFailure = { category: 'server_error', phase: 'done', message: '500', httpStatus: 500 };
    const entry = await entryOf(tempFolder());
    await failureOf(payOnce(callOf(entry, { fail, maxAttempts: 2, ended })));
    await sleep(3);
    const last = await failureOf(payOnce(callOf(entry, { fail, maxAttempts: 2, ended })));
    expect(last.usedUp).toBe(true);
    expect(ended.map(({ next_attempt_at }) => next_attempt_at === null)).toEqual([false, true]);
  });

  test('a crash before anything was sent does not count', async () => {
    const entry = await entryOf(tempFolder());
    const { url } = await provider();
    await entry.markBegan('run-1', 1);
    const paid = await payOnce(callOf(entry, { url, temporalAttempt: 2, maxAttempts: 1 }));
    expect(paid.header.attempt).toBe(1);
  });

  test('an earlier Temporal attempt that left no trace is listed as possible and counts (R4)', async () => {
    const entry = await entryOf(tempFolder());
    const { url, calls } = await provider();
    const ended: AttemptRecord[] = [];
    await failureOf(payOnce(callOf(entry, { url, temporalAttempt: 2, maxAttempts: 1, ended })));
    expect(calls()).toBe(0);
    expect(ended).toMatchObject([{ billing: 'possible', temporal_attempt: 1, worker_id: 'unknown' }]);
  });

  test('a 429 does not count, at most 15 of them', async () => {
    const entry = await entryOf(tempFolder());
    const fail: CallFailure = { category: 'rate_limited', phase: 'done', message: '429', httpStatus: 429 };
    for (let n = 1; n <= 14; n += 1) {
      expect((await failureOf(payOnce(callOf(entry, { fail })))).usedUp).toBe(false);
      await sleep(3);
    }
    expect((await failureOf(payOnce(callOf(entry, { fail })))).usedUp).toBe(true);
  });

  test('nothing is sent before the announced time, also by an attempt that comes early after a crash (R3)', async () => {
    const entry = await entryOf(tempFolder());
    const { url, calls } = await provider();
    const fail: CallFailure = { category: 'rate_limited', phase: 'done', message: '429', httpStatus: 429 };
    await failureOf(payOnce(callOf(entry, { fail, delayMs: () => 60_000 })));
    const early = await failureOf(payOnce(callOf(entry, { url })));
    expect(early.delayMs).toBeGreaterThan(55_000);
    expect(calls()).toBe(0);
  });

  test('a final refusal is repeated to a late attempt of the same run without asking again', async () => {
    const entry = await entryOf(tempFolder());
    const { url, calls } = await provider();
    const fail: CallFailure = { category: 'auth', phase: 'done', message: '401', httpStatus: 401 };
    expect((await failureOf(payOnce(callOf(entry, { fail })))).delayMs).toBeNull();
    expect((await failureOf(payOnce(callOf(entry, { url })))).report).toMatchObject({
      category: 'auth',
      http_status: 401,
    });
    expect(calls()).toBe(0);
  });
});

describe('a call that is still alive is joined (R5)', () => {
  test('two attempts in one process share one request', async () => {
    const entry = await entryOf(tempFolder());
    const { url, calls } = await provider(150);
    const flights = new Flights<PaidAnswer, null>();
    const pay = () => flights.join(entry, null, () => payOnce(callOf(entry, { url })));
    const [first, second] = [pay(), pay()];
    expect([first.joined, second.joined]).toEqual([false, true]);
    expect((await second.promise).body).toEqual((await first.promise).body);
    expect(calls()).toBe(1);
  });

  test('an attempt of another process waits for the lock and adopts what was answered', async () => {
    const root = tempFolder();
    const { url, calls } = await provider(150);
    const [one, other] = [new Flights<PaidAnswer, null>(), new Flights<PaidAnswer, null>()];
    const [entryA, entryB] = [await entryOf(root), await entryOf(root)];
    const a = one.join(entryA, null, () => payOnce(callOf(entryA, { url })));
    await expect.poll(calls, { interval: 5 }).toBe(1);
    const b = other.join(entryB, null, () => payOnce(callOf(entryB, { url, temporalAttempt: 1 })));
    expect([(await a.promise).adopted, (await b.promise).adopted, calls()]).toEqual([false, true, 1]);
  });

  test('abort ends only the wait for a lock of another process', async () => {
    const root = tempFolder();
    const entry = await entryOf(root);
    const lock = await entry.lock();
    expect(lock.kind).toBe('acquired');
    const flight = new Flights<PaidAnswer, null>().join(entry, null, () =>
      Promise.reject(new Error('never')),
    );
    flight.abort();
    await expect(flight.promise).rejects.toThrow(/abort/iu);
  });
});
