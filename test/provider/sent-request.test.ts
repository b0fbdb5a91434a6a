/** One request and its connection; every fault of the catalogue is in test/faults. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { billingOf } from '../../src/domain/failure.ts';
import { callImageApi } from '../../src/provider/image-api.ts';
import { endedInOrder, failureOf, http, imageCall, LIMITS, rawServer } from './raw-server.ts';

const OK = http(200, '{"data":[]}', { 'content-type': 'application/json' });

describe('A request that was sent', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nx-request-id: req_9\r\n';
  test('and closed amid the headers may have been paid: connection_cut', async () => {
    const { baseUrl, requests } = await rawServer({ answer: (socket) => void socket.end(HEAD) });
    const error = await failureOf(imageCall(baseUrl));
    expect(error).toMatchObject({ category: 'connection_cut', phase: 'sent', httpStatus: null });
    expect(billingOf(error.category, error.phase)).toBe('possible');
    expect(requests).toHaveLength(1);
  });

  test('and reset amid the body says how much came, and who may be asked about it', async () => {
    const { baseUrl } = await rawServer({
      answer: (s) =>
        void s.write(`${HEAD}content-length: 100\r\n\r\n{"da`, () =>
          setTimeout(() => s.resetAndDestroy(), 50),
        ),
    });
    const error = await failureOf(imageCall(baseUrl));
    expect(error).toMatchObject({ phase: 'body', httpStatus: 200, requestId: 'req_9' });
    expect(error.partial.toString()).toBe('{"da');
    expect(error.message).toContain('4 bytes received');
  });

  test('and stalls after the headers ends at its deadline, and the connection with it', async () => {
    let closed = 0;
    const { baseUrl } = await rawServer({
      answer: (s) => void s.write(`${HEAD}content-length: 100\r\n\r\n`),
      greet: (socket) => void socket.on('close', () => (closed += 1)),
    });
    const startedMs = performance.now();
    const { first: error, order } = await endedInOrder(baseUrl, 300, 1_500);
    expect(order).toEqual([300, 1_500]);
    expect(error).toMatchObject({ category: 'request_timeout', phase: 'headers', code: 'deadline' });
    expect(error.message).toContain('no complete answer within the limit of 0.3 s');
    // The later of the two: no deadline comes early.
    expect(performance.now() - startedMs).toBeGreaterThan(1_490);
    await expect.poll(() => closed).toBe(2);
  });

  test('and cancelled ends at once, and the connection with it', async () => {
    const controller = new AbortController();
    let closed = false;
    const { baseUrl } = await rawServer({
      answer: () => controller.abort(),
      greet: (socket) => void socket.on('close', () => (closed = true)),
    });
    const error = await failureOf(imageCall(baseUrl, { signal: controller.signal }));
    expect(error).toMatchObject({ category: 'cancelled', phase: 'sent', code: 'cancelled' });
    expect(billingOf(error.category, error.phase)).toBe('possible');
    await expect.poll(() => closed).toBe(true);
  });

  test('of exactly the limit is taken', async () => {
    const { baseUrl } = await rawServer({
      answer: (socket) => void socket.write(http(200, 'x'.repeat(1000))),
    });
    expect((await callImageApi(imageCall(baseUrl), LIMITS)).body).toHaveLength(1000);
  });
});

describe('A kept-alive connection', () => {
  test('is used again', async () => {
    const { baseUrl, connections } = await rawServer({ answer: (socket) => void socket.write(OK) });
    await callImageApi(imageCall(baseUrl));
    await sleep(20);
    await callImageApi(imageCall(baseUrl));
    expect(connections()).toBe(1);
  });

  test('that the server closed while idle costs the next call nothing', async () => {
    const { baseUrl, connections } = await rawServer({
      answer: (socket) => void socket.write(OK, () => setTimeout(() => socket.end(), 10)),
    });
    await callImageApi(imageCall(baseUrl));
    await sleep(100);
    expect((await callImageApi(imageCall(baseUrl))).status).toBe(200);
    expect(connections()).toBe(2);
  });
});
