/** What a provider of the tests says over raw sockets, for faults that an HTTP server would not commit. */
import type { Socket } from 'node:net';
import sharp from 'sharp';
import { http, type RawScript, rawServer, type RawServer } from '../provider/raw-server.ts';
import { SAID } from '../support/canary.ts';
import { type Given, given, type Scenario, type Stranger } from './scenario.ts';

let image: Promise<Buffer> | undefined;

/** Repeats its client's secrets in each answer. */
export function faultServer(script: RawScript): Promise<RawServer> {
  return rawServer({ repeats: SAID, ...script });
}

/** Of the size that the tests' tasks ask for. */
export function goodImage(): Promise<Buffer> {
  image ??= sharp({ create: { width: 816, height: 816, channels: 3, background: '#447755' } })
    .png()
    .toBuffer();
  return image;
}

export async function goodJson(more: object = {}): Promise<string> {
  return JSON.stringify({
    created: 1,
    data: [{ b64_json: (await goodImage()).toString('base64') }],
    ...more,
  });
}

export async function goodAnswer(): Promise<string> {
  return http(200, await goodJson(), { 'content-type': 'application/json' });
}

/** What is done to request n, from 1; those it leaves alone are answered well. */
export type RawFault = (socket: Socket, good: string) => void;

/** The first request meets the fault, later ones are answered well. */
export function rawFault(fault: RawFault, more: Given = {}): Scenario {
  return given({ ...more, provider: () => rawProvider(fault) });
}

export async function rawProvider(fault: RawFault): Promise<Stranger> {
  const good = await goodAnswer();
  const { baseUrl, requests } = await faultServer({
    answer: (socket, n) => {
      if (n === 1) fault(socket, good);
      else socket.write(good);
    },
  });
  return { baseUrl, calls: () => requests.length };
}

/** A body as the one answer of the provider. */
export function body200(bodyOf: (good: string) => string | Buffer, more: Given = {}): Scenario {
  return given({
    ...more,
    provider: async () => {
      const good = await goodJson();
      const body = Buffer.from(bodyOf(good));
      const { baseUrl, requests } = await faultServer({
        answer: (socket) => {
          socket.write(`HTTP/1.1 200 X\r\ncontent-length: ${body.length}\r\n\r\n`);
          socket.write(body);
        },
      });
      return { baseUrl, calls: () => requests.length };
    },
  });
}
