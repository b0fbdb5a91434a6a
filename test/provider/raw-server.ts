/** A TCP server that says exactly what a test wants said, and counts what it was asked. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { callImageApi, TransportError } from '../../src/provider/image-api.ts';
import type { ImageCall } from '../../src/provider/image-call.ts';

export interface RawServer {
  baseUrl: string;
  port: number;
  /** Raw text of each complete request, in order of arrival. */
  requests: string[];
  connections: () => number;
}

export interface RawScript {
  /** Gets each complete request with its number, from 1. */
  answer?: (socket: Socket, n: number) => void;
  /** Gets each connection. */
  greet?: (socket: Socket) => void;
  /** Goes into a header of each answer that has a status line. */
  repeats?: string;
}

export async function rawServer(script: RawScript): Promise<RawServer> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    if (script.repeats !== undefined) repeat(socket, script.repeats);
    script.greet?.(socket);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (!isWhole(text)) return;
      requests.push(text);
      text = '';
      script.answer?.(socket, requests.length);
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}/v1`, port, requests, connections: () => connections };
}

function repeat(socket: Socket, words: string): void {
  const write = socket.write.bind(socket) as (chunk: string | Buffer, ...rest: unknown[]) => boolean;
  socket.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    const bytes = Buffer.from(chunk as string);
    const [line] = /^HTTP\/1\.1 \d{3} [^\r\n]*\r\n/u.exec(bytes.subarray(0, 100).toString('latin1')) ?? [];
    if (line === undefined) return write(bytes, ...rest);
    const head = Buffer.from(`${line}cf-ray: ${words}\r\n`, 'latin1');
    return write(Buffer.concat([head, bytes.subarray(line.length)]), ...rest);
  };
}

function isWhole(request: string): boolean {
  const end = request.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const length = /content-length: (\d+)/iu.exec(request)?.[1];
  return request.length - end - 4 >= Number(length ?? 0);
}

/** An HTTP/1.1 answer as text, with its content-length unless another framing is given. */
export function http(status: number, body: string, headers: Record<string, string> = {}): string {
  const framed = { 'content-length': String(Buffer.byteLength(body)), ...headers };
  const lines = Object.entries(framed)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} X\r\n${lines.join('')}\r\n${body}`;
}

export function imageCall(baseUrl: string, overrides: Partial<ImageCall> = {}): ImageCall {
  return {
    endpoint: { baseUrl, apiKey: 'key-123' },
    mode: 'generation',
    model: 'gpt-image-2',
    prompt: 'a lighthouse',
    size: '1024x1024',
    options: {},
    references: [],
    timeoutMs: 5_000,
    clientRequestId: 'client-1',
    idempotencyKey: 'generation-1',
    ...overrides,
  };
}

/** Small enough to exceed. */
export const LIMITS = { imageBytes: 1000, errorBytes: 100, errorMs: 300 };

export async function failureOf(call: ImageCall, limits = LIMITS): Promise<TransportError> {
  const error: unknown = await callImageApi(call, limits).then(
    () => new Error('the call succeeded'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TransportError);
  return error as TransportError;
}

/** Two calls at a time, the one with the longer limit first: the error of the shorter, and the limits in order of their ends. */
export async function endedInOrder(
  baseUrl: string,
  shortMs: number,
  longMs: number,
): Promise<{ first: TransportError; order: number[] }> {
  const order: number[] = [];
  const ended = async (timeoutMs: number) => {
    const error = await failureOf(imageCall(baseUrl, { timeoutMs }));
    order.push(timeoutMs);
    return error;
  };
  const [, first] = await Promise.all([ended(longMs), ended(shortMs)]);
  return { first, order };
}
