import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { billingOf, type Phase } from '../../src/domain/failure.ts';
import { callImageApi, type TransportError } from '../../src/provider/image-api.ts';
import { endedInOrder, failureOf, http, imageCall, LIMITS, rawServer } from './raw-server.ts';

const OK = http(200, '{"data":[]}', { 'content-type': 'application/json' });

describe('A request that was sent', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nx-request-id: req_9\r\n';
  const rows: [string, (socket: Socket) => void, Partial<TransportError>][] = [
    [
      'is reset before the answer',
      (s) => s.resetAndDestroy(),
      { phase: 'sent', code: 'ECONNRESET', httpStatus: null },
    ],
    ['is closed before the answer', (s) => s.end(), { phase: 'sent', code: 'UND_ERR_SOCKET' }],
    ['is closed amid the headers', (s) => s.end(HEAD), { phase: 'sent' }],
    ['gets garbage', (s) => s.end('what?\r\n\r\n'), { phase: 'sent', code: 'HTTPParserError' }],
    ['gets endless headers', (s) => s.write(`${HEAD}x: ${'y'.repeat(200_000)}\r\n\r\n`), { phase: 'sent' }],
    [
      'is reset amid the body',
      (s) =>
        s.write(`${HEAD}content-length: 100\r\n\r\n{"da`, () => setTimeout(() => s.resetAndDestroy(), 50)),
      { phase: 'body', httpStatus: 200, requestId: 'req_9' },
    ],
    [
      'is closed before content-length is reached',
      (s) => s.end(`${HEAD}content-length: 100\r\n\r\n{"da`),
      { phase: 'body' },
    ],
    [
      'is closed amid a chunk',
      (s) => s.end(`${HEAD}transfer-encoding: chunked\r\n\r\n10\r\n{"da`),
      { phase: 'body' },
    ],
    [
      'is closed before the last chunk',
      (s) => s.end(`${HEAD}transfer-encoding: chunked\r\n\r\n4\r\n{"da\r\n`),
      { phase: 'body' },
    ],
    ['gets a bad chunk size', (s) => s.end(`${HEAD}transfer-encoding: chunked\r\n\r\nxyz\r\n`), {}],
  ];

  test.each(rows)('and %s may have been paid: connection_cut', async (_, answer, expected) => {
    const { baseUrl, requests } = await rawServer({ answer });
    const error = await failureOf(imageCall(baseUrl));
    expect(error).toMatchObject({ category: 'connection_cut', ...expected });
    expect(billingOf(error.category, error.phase)).toBe('possible');
    await sleep(30);
    expect(requests).toHaveLength(1);
  });

  test.each<[string, (socket: Socket) => void, Phase]>([
    ['hangs', () => undefined, 'sent'],
    ['stalls after the headers', (s) => s.write(`${HEAD}content-length: 100\r\n\r\n`), 'headers'],
    [
      'drips',
      (s) => {
        s.write(`${HEAD}content-length: 900\r\n\r\n`);
        const timer = setInterval(() => s.write('x'), 20);
        s.on('close', () => clearInterval(timer));
      },
      'body',
    ],
  ])('and %s ends at its deadline, and the connection with it', async (_, answer, phase) => {
    let closed = 0;
    const { baseUrl } = await rawServer({
      answer,
      greet: (socket) => void socket.on('close', () => (closed += 1)),
    });
    const startedMs = performance.now();
    const { first: error, order } = await endedInOrder(baseUrl, 300, 1_500);
    expect(order).toEqual([300, 1_500]);
    expect(error).toMatchObject({ category: 'request_timeout', phase, code: 'deadline' });
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

  test.each([
    ['announces too much', http(200, '', { 'content-length': '1001' }), 'larger than 1000 bytes'],
    [
      'is too much in chunks',
      http(200, `5dc\r\n${'x'.repeat(1500)}\r\n`, { 'transfer-encoding': 'chunked', 'content-length': '' }),
      'larger than 1000 bytes',
    ],
  ])('whose answer %s is refused: bad_response', async (_, answer, why) => {
    const { baseUrl } = await rawServer({ answer: (socket) => void socket.write(answer, 'latin1') });
    const error = await failureOf(imageCall(baseUrl));
    expect(error).toMatchObject({ category: 'bad_response', httpStatus: 200 });
    expect(error.message).toContain(why);
  });

  test('whose answer is encoded although that was not accepted is taken as it came, unopened: it was paid', async () => {
    const packed = gzipSync('{}').toString('latin1');
    const { baseUrl } = await rawServer({
      answer: (socket) =>
        void socket.write(
          http(200, packed, { 'content-encoding': 'gzip', 'content-length': String(packed.length) }),
          'latin1',
        ),
    });
    const { body, headers } = await callImageApi(imageCall(baseUrl), LIMITS);
    expect(headers['content-encoding']).toBe('gzip');
    expect(body.equals(Buffer.from(packed, 'latin1'))).toBe(true);
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

  test('that is reset under the second request does not make it go out twice', async () => {
    const { baseUrl, requests, connections } = await rawServer({
      answer: (socket, n) => (n === 1 ? void socket.write(OK) : void socket.resetAndDestroy()),
    });
    await callImageApi(imageCall(baseUrl));
    await sleep(20);
    const error = await failureOf(imageCall(baseUrl));
    expect(error).toMatchObject({ category: 'connection_cut', phase: 'sent' });
    expect(connections()).toBe(1);
    await sleep(100);
    expect(requests).toHaveLength(2);
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
