/**
 * undici ends a request after 300 s without headers, or without bytes of the body, unless it is told not to; a paid call
 * has its own limit of `timeout_ms`. Real calls over real sockets, with the clock of this process turned by hand; a call
 * with undici's own limits beside each shows that its clock is turned too.
 */
import type { Socket } from 'node:net';
import { Agent } from 'undici';
import { beforeAll, expect, test, vi } from 'vitest';
import type { Phase } from '../../src/domain/failure.ts';
import { callImageApi } from '../../src/provider/image-api.ts';
import { http, imageCall, rawServer } from './raw-server.ts';

const MINUTE = 60_000;
/** G3: the default of one request. */
const LIMIT = 10 * MINUTE;
const ANSWER = http(200, '{"data":[]}');

// One clock for all tests: undici keeps the timer that it ticks by.
beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  return () => void vi.useRealTimers();
});

/** A call of ours and one with undici's own limits, both under way; what the server has begun to answer is `begun`. */
async function twoCalls(begun: string) {
  const sockets: Socket[] = [];
  const { promise: bothArrived, resolve } = deferred();
  const { baseUrl } = await rawServer({
    answer: (socket) => {
      sockets.push(socket);
      socket.write(begun);
      if (sockets.length === 2) resolve();
    },
  });
  const ends: string[] = [];
  const beginnings = new Set<string>();
  const onPhase = (phase: Phase) => void (phase === 'body' && beginnings.add('ours'));
  const call = imageCall(baseUrl, { timeoutMs: LIMIT, onPhase });
  const ours = callImageApi(call).finally(() => ends.push('ours'));
  ours.catch(() => undefined);
  const plain = dispatched(baseUrl, () => beginnings.add('plain')).finally(() => ends.push('plain'));
  plain.catch(() => undefined);
  await bothArrived;
  // The clock stands still, the sockets do not.
  const expected = begun === '' ? 0 : 2;
  while (beginnings.size < expected) await new Promise((next) => setImmediate(next));
  const answerTheRest = () => {
    for (const socket of sockets) socket.write(ANSWER.slice(begun.length));
  };
  return { ours, plain, ends, answerTheRest };
}

test.each([
  ['before its headers', '', 'UND_ERR_HEADERS_TIMEOUT'],
  ['in the middle of its body', ANSWER.slice(0, -3), 'UND_ERR_BODY_TIMEOUT'],
])('a silence of 9 minutes %s ends no paid call', async (_, begun, limit) => {
  const { ours, plain, ends, answerTheRest } = await twoCalls(begun);
  await vi.advanceTimersByTimeAsync(9 * MINUTE);
  expect(ends).toEqual(['plain']);
  await expect(plain).rejects.toMatchObject({ code: limit });
  answerTheRest();
  const { status, body } = await ours;
  expect([status, body.toString()]).toEqual([200, '{"data":[]}']);
});

test('at 600 s, and not before, the call ends by its own limit', async () => {
  const { ours, ends } = await twoCalls('');
  await vi.advanceTimersByTimeAsync(LIMIT - 1);
  expect(ends).toEqual(['plain']);
  await vi.advanceTimersByTimeAsync(1);
  expect(ends).toEqual(['plain', 'ours']);
  await expect(ours).rejects.toMatchObject({
    category: 'request_timeout',
    code: 'deadline',
    message: expect.stringContaining('no complete answer within the limit of 600 s') as unknown,
  });
});

/** The same kind of call, by an agent with every limit as undici has it. */
function dispatched(baseUrl: string, onData: () => void): Promise<void> {
  const { origin } = new URL(baseUrl);
  return new Promise((resolve, reject) => {
    new Agent().dispatch(
      { origin, path: '/', method: 'GET' },
      {
        onRequestStart: () => undefined,
        onResponseStart: () => undefined,
        onResponseData: onData,
        onResponseEnd: () => resolve(),
        onResponseError: (_, error) => reject(error),
      },
    );
  });
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
