/** A status that came says what a refusal is, however its body ends (R2, R3, R4, R7); over real sockets. */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { callImageApi } from '../../src/provider/image-api.ts';
import { type ActivityWorld, activityWorld, API_KEY, failureOf } from '../support/activity-world.ts';
import { http, imageCall, LIMITS, rawServer } from './raw-server.ts';

const REFUSED = (status: number, words: string, headers: Record<string, string> = {}) =>
  http(status, words, { 'content-length': '5000', ...headers });

/** Ends of a body that is announced longer than it is. */
const ENDS: Record<string, (socket: Socket, text: string) => void> = {
  'is cut off': (socket, text) => void socket.end(text),
  'never ends': (socket, text) => void socket.write(text),
};

async function worldAt(baseUrl: string): Promise<ActivityWorld> {
  const world = await activityWorld();
  await world.configure({ baseUrl, apiKey: API_KEY });
  return world;
}

describe.each(Object.entries(ENDS))('a refusal whose body %s', (_, answer) => {
  test.each([
    ['401', 'auth', {}],
    ['402', 'quota', {}],
    ['400', 'bad_request', {}],
    ['429', 'rate_limited', { 'retry-after': '30' }],
  ] as const)('with %s is %s after one request, and not charged', async (status, category, headers) => {
    const text = REFUSED(Number(status), '{"error":{"message":"no', headers);
    const server = await rawServer({ answer: (socket) => answer(socket, text) });
    const world = await worldAt(server.baseUrl);
    const task = world.task({ timeout_ms: 1_500 });
    const failed = await failureOf(world.attempt(task));
    expect(failed.details).toMatchObject([{ category, http_status: Number(status) }]);
    expect(await world.recordOf(task)).toMatchObject({ billing: 'no', phase: 'done' });
    expect([server.requests.length, failed.nonRetryable]).toEqual([1, status !== '429']);
    if (status === '429') expect(failed.nextRetryDelay).toBeGreaterThanOrEqual(29_000);
  });
});

test('the body of a refusal holds its slot for its own limit, not for that of an image', async () => {
  const { baseUrl } = await rawServer({ answer: (socket) => void socket.write(REFUSED(503, 'busy')) });
  const answer = await callImageApi(imageCall(baseUrl, { timeoutMs: 60_000 }), LIMITS);
  expect(answer).toMatchObject({ status: 503, bodyEnd: 'longer' });
  expect(answer.timing.elapsedMs).toBeLessThan(10_000);
});

test('an answer of 200 that is cut off stays one that may have been paid', async () => {
  const { baseUrl } = await rawServer({ answer: (socket) => void socket.end(REFUSED(200, '{"data":[')) });
  const world = await worldAt(baseUrl);
  const task = world.task();
  await failureOf(world.attempt(task));
  expect(await world.recordOf(task)).toMatchObject({ category: 'connection_cut', billing: 'possible' });
});
