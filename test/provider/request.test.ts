import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import busboy from 'busboy';
import { describe, expect, onTestFinished, test } from 'vitest';
import { callImageApi } from '../../src/provider/image-api.ts';
import { imageCall } from './raw-server.ts';

interface Received {
  request: IncomingMessage;
  body: Buffer;
}

/** A well-behaved HTTP server that keeps what it received. */
async function httpServer(): Promise<{ baseUrl: string; received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ request, body: Buffer.concat(chunks) });
      response.end('{"data":[]}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, received };
}

describe('A text2img call', () => {
  test('is one POST of JSON with only the fields that are set', async () => {
    const { baseUrl, received } = await httpServer();
    await callImageApi(
      imageCall(baseUrl, { prompt: 'ein 灯塔 "x"', options: { quality: 'high', output_compression: 0 } }),
    );
    expect(received).toHaveLength(1);
    const [{ request, body }] = received as [Received];
    expect(request.method).toBe('POST');
    expect(request.url).toBe('/v1/images/generations');
    expect(JSON.parse(body.toString())).toEqual({
      model: 'gpt-image-2',
      prompt: 'ein 灯塔 "x"',
      n: 1,
      size: '1024x1024',
      quality: 'high',
      output_compression: 0,
    });
    expect(request.headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': String(body.length),
      authorization: 'Bearer key-123',
      accept: 'application/json',
      'accept-encoding': 'identity',
      'x-client-request-id': 'client-1',
      'idempotency-key': 'generation-1',
      'user-agent': 'imgproof',
    });
  });

  test.each([
    ['/v1/', '/v1/images/generations'],
    ['', '/images/generations'],
    ['/openai?api-version=1', '/openai/images/generations?api-version=1'],
  ])('to a base URL ending in %j goes to %s', async (end, path) => {
    const { baseUrl, received } = await httpServer();
    await callImageApi(imageCall(baseUrl.replace('/v1', end)));
    expect(received[0]?.request.url).toBe(path);
  });

  test('lets configured headers replace the authorization, and none of the framing', async () => {
    const { baseUrl, received } = await httpServer();
    const headers = {
      Authorization: 'Key abc',
      'Accept-Encoding': 'gzip',
      'Content-Length': '3',
      'X-Team': 'art',
    };
    await callImageApi(imageCall(baseUrl, { endpoint: { baseUrl, apiKey: 'k', headers } }));
    expect(received[0]?.request.headers).toMatchObject({
      authorization: 'Key abc',
      'accept-encoding': 'identity',
      'x-team': 'art',
    });
  });
});

describe('An img2img call', () => {
  test.each([
    [1, 'image'],
    [2, 'image[]'],
    [5, 'image[]'],
  ])('with %i reference(s) sends them, in order and unchanged, as %s', async (count, field) => {
    const { baseUrl, received } = await httpServer();
    const references = Array.from({ length: count }, (_, i) => ({
      bytes: Buffer.from([0, 255, 13, 10, i]),
      mime: i % 2 === 0 ? 'image/png' : 'image/webp',
      filename: `ref "${i}" 图.png`,
    }));
    await callImageApi(
      imageCall(baseUrl, { mode: 'edit', references, prompt: '灯塔', options: { output_compression: 90 } }),
    );
    const [{ request, body }] = received as [Received];
    expect(request.url).toBe('/v1/images/edits');
    expect(request.headers['content-length']).toBe(String(body.length));
    const parts = await parseMultipart(request, body);
    expect(parts.fields).toEqual({
      model: 'gpt-image-2',
      prompt: '灯塔',
      n: '1',
      size: '1024x1024',
      output_compression: '90',
    });
    expect(parts.files.map((file) => [file.field, file.mime, file.bytes.toString('hex')])).toEqual(
      references.map(({ mime, bytes }) => [field, mime, bytes.toString('hex')]),
    );
    expect(parts.files.every((file) => file.filename?.endsWith('图.png'))).toBe(true);
  });
});

interface FilePart {
  field: string;
  filename: string | undefined;
  mime: string;
  bytes: Buffer;
}

async function parseMultipart(request: IncomingMessage, body: Buffer) {
  const fields: Record<string, string> = {};
  const files: FilePart[] = [];
  const parser = busboy({ headers: request.headers, defParamCharset: 'utf8' });
  parser.on('field', (name, value) => (fields[name] = value));
  parser.on('file', (field, stream, { filename, mimeType }) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => files.push({ field, filename, mime: mimeType, bytes: Buffer.concat(chunks) }));
  });
  parser.end(body);
  await once(parser, 'close');
  return { fields, files };
}
