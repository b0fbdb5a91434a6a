import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { billingOf, type Phase } from '../../src/domain/failure.ts';
import { callImageApi } from '../../src/provider/image-api.ts';
import { endedInOrder, failureOf, http, imageCall, LIMITS, rawServer } from './raw-server.ts';

const OK = http(200, '{"data":[]}', { 'content-type': 'application/json' });
describe('A complete answer', () => {
  test('is brought back with its status, the allow-listed headers, and its times', async () => {
    const body = '{"error":{"message":"slow down"}}';
    const headers = {
      'X-Request-Id': 'req_1',
      'Retry-After': '7',
      'x-ratelimit-remaining-images': '0',
      'set-cookie': 'session=secret',
      server: 'x',
      'openai-organization': 'org-secret',
    };
    const { baseUrl } = await rawServer({ answer: (socket) => void socket.write(http(429, body, headers)) });
    const phases: Phase[] = [];
    const answer = await callImageApi(imageCall(baseUrl, { onPhase: (phase) => void phases.push(phase) }));
    expect(answer).toMatchObject({ status: 429, bodyEnd: 'whole' });
    expect(answer.body.toString()).toBe(body);
    expect(answer.headers).toEqual({
      'x-request-id': 'req_1',
      'retry-after': '7',
      'x-ratelimit-remaining-images': '0',
    });
    expect(phases).toEqual(['connecting', 'sent', 'headers', 'body', 'done']);
    const { sentAt, headersAt, endedAt, elapsedMs } = answer.timing;
    expect([sentAt, headersAt, endedAt]).toEqual([sentAt, headersAt, endedAt].sort());
    expect(elapsedMs).toBeGreaterThan(0);
  });

  test.each([
    [
      'chunked',
      http(200, '5\r\nhello\r\n0\r\n\r\n', { 'transfer-encoding': 'chunked', 'content-length': '' }),
      'hello',
    ],
    ['empty', http(204, '', {}), ''],
    ['after 103 Early Hints', `HTTP/1.1 103 X\r\nlink: <x>\r\n\r\n${http(200, 'hello')}`, 'hello'],
  ])('may be %s', async (_, answer, body) => {
    const { baseUrl } = await rawServer({ answer: (socket) => void socket.write(answer) });
    expect((await callImageApi(imageCall(baseUrl))).body.toString()).toBe(body);
  });

  test('may trickle in, with white space before the JSON, as long as it ends in time', async () => {
    const { baseUrl } = await rawServer({ answer: (socket) => void trickle(socket, http(200, '\n \n{}')) });
    expect((await callImageApi(imageCall(baseUrl))).body.toString()).toBe('\n \n{}');
  });

  test('that is a redirect is not followed', async () => {
    const target = await rawServer({ answer: (socket) => void socket.write(OK) });
    const { baseUrl, requests } = await rawServer({
      answer: (socket) => void socket.write(http(307, '', { location: `${target.baseUrl}/elsewhere` })),
    });
    expect((await callImageApi(imageCall(baseUrl))).status).toBe(307);
    expect(requests).toHaveLength(1);
    expect(target.connections()).toBe(0);
  });

  test.each([
    ['longer than what is kept', http(500, 'x'.repeat(5000)), 'x'.repeat(100)],
    [
      'endless',
      http(500, `400\r\n${'x'.repeat(1024)}\r\n`, {
        'transfer-encoding': 'chunked',
        'content-length': '',
      }),
      'x'.repeat(100),
    ],
    ['encoded', http(500, gzipSync('oops').toString('latin1'), { 'content-encoding': 'gzip' }), ''],
  ])('of an error that is %s keeps its status', async (_, answer, kept) => {
    const { baseUrl } = await rawServer({ answer: (socket) => void socket.write(answer, 'latin1') });
    const { status, body } = await callImageApi(imageCall(baseUrl), LIMITS);
    expect(status).toBe(500);
    expect(body.toString()).toBe(kept);
  });
});

describe('A request that never left', () => {
  test('because the deadline passed while connecting is a network failure, and is not sent later', async () => {
    // The handshake never ends: the server takes the connection and says nothing.
    const { port, requests } = await rawServer({});
    const { first: error, order } = await endedInOrder(`https://127.0.0.1:${port}/v1`, 200, 1_500);
    expect(order).toEqual([200, 1_500]);
    expect(error).toMatchObject({ category: 'network', phase: 'connecting', code: 'deadline' });
    expect(requests).toHaveLength(0);
  });

  test('because it was cancelled before it began does not even connect', async () => {
    const { baseUrl, connections } = await rawServer({});
    const error = await failureOf(imageCall(baseUrl, { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ category: 'cancelled', phase: 'connecting' });
    expect(billingOf(error.category, error.phase)).toBe('no');
    await sleep(50);
    expect(connections()).toBe(0);
  });

  test.each([
    ['a key with a line break', { baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'secret\nvalue' }],
    [
      'a header name with a space',
      { baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'k', headers: { 'bad name': 'secret value' } },
    ],
    ['a base URL that is none', { baseUrl: 'secret value', apiKey: 'k' }],
    ['another protocol', { baseUrl: 'ftp://127.0.0.1/v1', apiKey: 'k' }],
  ])('because of %s is a config failure that does not show the value', async (_, endpoint) => {
    const error = await failureOf(imageCall('', { endpoint }));
    expect(error).toMatchObject({ category: 'config', phase: 'connecting' });
    expect(error.message).not.toContain('value');
  });
});

test('Four calls run beside one another', async () => {
  let open = 0;
  const waiting: Socket[] = [];
  const { baseUrl } = await rawServer({
    answer: (socket) => {
      open += 1;
      waiting.push(socket);
      if (open === 4) for (const each of waiting) each.write(OK);
    },
  });
  const answers = await Promise.all(Array.from({ length: 4 }, () => callImageApi(imageCall(baseUrl))));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
});

test('No error message carries the key or the query of the base URL', async () => {
  const { port } = await closedPort();
  const baseUrl = `http://user:pass@127.0.0.1:${port}/v1?code=hidden`;
  const error = await failureOf(imageCall(baseUrl, { endpoint: { baseUrl, apiKey: 'sk-very-secret-key' } }));
  expect(error.message).not.toMatch(/hidden|pass|very-secret/u);
});

async function trickle(socket: Socket, text: string): Promise<void> {
  for (const char of text) {
    socket.write(char);
    await sleep(2);
  }
}

async function closedPort(): Promise<{ port: number }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return { port };
}
