/** What every test of `payOnce` needs: an entry of a spool, a provider that counts, a call of it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { AttemptFailed, CallFailed, type CallFailure } from '../../src/artifacts/call-failures.ts';
import type { PaidCall } from '../../src/artifacts/paid-call.ts';
import { type Intent, Spool, type SpoolEntry } from '../../src/artifacts/spool.ts';
import type { AttemptRecord } from '../../src/domain/records.ts';

/** A provider that counts what it was asked: the judge of every test here. */
export async function provider(latencyMs = 0): Promise<{ url: string; calls: () => number }> {
  let calls = 0;
  const server = createServer((_request, response) => {
    calls += 1;
    setTimeout(() => response.end(`image ${calls}`), latencyMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls: () => calls };
}

export const KEY = { generation_id: 'g-1', request_fingerprint: 'f'.repeat(64) };

export function entryOf(root: string, key = KEY): Promise<SpoolEntry> {
  return new Spool(root).open(key);
}

interface Setup extends Partial<PaidCall> {
  url?: string;
  fail?: CallFailure;
  ended?: AttemptRecord[];
}

export function callOf(entry: SpoolEntry, { url, fail, ended = [], ...rest }: Setup): PaidCall {
  return {
    entry,
    workflowId: 'task',
    runDir: '/tmp/no-such-task',
    binding: { worker_id: 'host/slot-1', pid: process.pid, thread_id: 0, run_id: 'run-1' },
    temporalAttempt: 1,
    isWaitedOut: false,
    unproven: earlierThan(rest.temporalAttempt ?? 1),
    nowMs: Date.now,
    taskTimeoutMs: null,
    toldDeadlineMs: null,
    maxAttempts: 3,
    onUnknown: 'retry',
    earlier: [],
    recordedAttempts: 0,
    prepare: async () => async () => {
      if (fail !== undefined) throw new CallFailed(fail);
      const response = await fetch(url as string);
      const now = new Date().toISOString();
      return {
        status: response.status,
        headers: {},
        body: Buffer.from(await response.arrayBuffer()),
        sentAt: now,
        endedAt: now,
        elapsedMs: 1,
      };
    },
    delayMs: () => 1,
    onEnded: async (record) => void ended.push(record),
    patience: { leaving: new AbortController().signal, onRefused: () => undefined },
    ...rest,
  };
}

/** No sign of life proved anything of any of them. */
function earlierThan(temporalAttempt: number): number[] {
  return Array.from({ length: temporalAttempt - 1 }, (_, index) => index + 1);
}

/** Of a process that is no more. */
export function intent(attempt: number): Intent {
  return {
    ...KEY,
    attempt,
    temporal_attempt: 1,
    workflow_id: 'task',
    started_at: new Date().toISOString(),
    worker_id: 'host/slot-2',
    pid: 4242,
    thread_id: 0,
    run_id: 'run-1',
  };
}

export async function failureOf(promise: Promise<unknown>): Promise<AttemptFailed> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(AttemptFailed);
  return error as AttemptFailed;
}
