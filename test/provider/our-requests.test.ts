/** Our requests beside those of the official client for the same order: what differs is on purpose, and listed here. */
import { createHash } from 'node:crypto';
import OpenAI, { toFile } from 'openai';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { modeFor, type RequestOptions } from '../../src/domain/task.ts';
import { callImageApi } from '../../src/provider/image-api.ts';
import type { ReferencePart } from '../../src/provider/image-call.ts';
import {
  captureRequests,
  type CapturedPart,
  type CapturedRequest,
} from '../support/captured-openai-request.ts';

interface Order {
  model: string;
  prompt: string;
  size: string;
  options: RequestOptions;
  references: ReferencePart[];
}

/** Only these may differ between the two clients. */
const OURS_ON_PURPOSE = {
  /** A gateway with another default would bill more than one image (SPEC G4). */
  fields: { n: 1 },
  headers: {
    /** What the official client and Node's fetch under it tell of themselves. */
    leftOut: /^(?:x-stainless-.*|accept-language|sec-fetch-mode)$/u,
    /** The provider may recognise a repeated order; our records name the call. */
    added: ['idempotency-key', 'x-client-request-id'],
    /** An answer is taken as it comes: nothing is unpacked, so nothing can be a bomb. */
    other: ['accept-encoding', 'user-agent'],
  },
};

const COUNTS = [0, 1, 2, 5];

const ORDERS: [what: string, wish: Partial<Order>][] = [
  ['without options', {}],
  [
    'with every option',
    {
      options: {
        quality: 'low',
        background: 'opaque',
        output_format: 'webp',
        output_compression: 80,
        moderation: 'low',
      },
    },
  ],
  [
    'with options of value zero and auto',
    { size: 'auto', options: { quality: 'auto', output_format: 'jpeg', output_compression: 0 } },
  ],
  ['with a prompt of several lines and scripts', { prompt: 'line one\nline "two"\r\nein Bär, 熊, 🐻‍❄️' }],
];

describe.each(ORDERS)('an order %s', (_what, wish) => {
  test.each(COUNTS)('and %i references goes out as the official client sends it', async (count) => {
    const [ours, official] = await bothRequests({ ...(await orderWith(count)), ...wish });
    const { json, parts, headers, ...envelope } = ours;
    expect(envelope).toEqual({
      method: official.method,
      path: official.path,
      contentType: official.contentType,
      framing: official.framing,
    });
    expect(parts).toEqual(withOurParts(official.parts));
    expect(json).toEqual(official.json === null ? null : { ...official.json, ...OURS_ON_PURPOSE.fields });
    expect(comparable(headers)).toEqual(comparable(official.headers));
  });
});

test.each(COUNTS)('with %i references, what differs on purpose really differs', async (count) => {
  const [ours, official] = await bothRequests(await orderWith(count));
  const { added, leftOut, other } = OURS_ON_PURPOSE.headers;
  for (const name of added)
    expect([ours.headers[name], official.headers[name]]).toEqual(['given', undefined]);
  expect(Object.keys(ours.headers).filter((name) => leftOut.test(name))).toEqual([]);
  expect(Object.keys(official.headers).some((name) => leftOut.test(name))).toBe(true);
  for (const name of other) expect(ours.headers[name]).not.toBe(official.headers[name]);
  expect(ours.headers['accept-encoding']).toBe('identity');
  expect(official.json ?? {}).not.toHaveProperty('n');
  expect(official.parts.map(({ name }) => name)).not.toContain('n');
});

async function bothRequests(order: Order): Promise<[ours: CapturedRequest, official: CapturedRequest]> {
  const ours = await captureRequests((baseUrl) => sendOurs(baseUrl, order));
  const official = await captureRequests((baseUrl) => sendOfficial(baseUrl, order));
  expect([ours.length, official.length]).toEqual([1, 1]);
  return [ours[0] as CapturedRequest, official[0] as CapturedRequest];
}

function sendOurs(baseUrl: string, order: Order) {
  return callImageApi({
    ...order,
    endpoint: { baseUrl, apiKey: 'test-key' },
    mode: modeFor(order.references),
    timeoutMs: 5_000,
    clientRequestId: 'given',
    idempotencyKey: 'given',
  });
}

async function sendOfficial(baseURL: string, { references, options, ...fields }: Order): Promise<unknown> {
  const client = new OpenAI({ baseURL, apiKey: 'test-key', maxRetries: 0 });
  // Its types know neither every size nor `moderation` of an edit; it sends what it is given.
  const order = { ...fields, ...options } as OpenAI.ImageGenerateParamsNonStreaming;
  if (references.length === 0) return client.images.generate(order);
  const files = await Promise.all(
    references.map(({ bytes, filename, mime }) => toFile(bytes, filename, { type: mime })),
  );
  const image = files.length === 1 ? (files[0] as File) : files;
  return client.images.edit({ ...order, image } as OpenAI.ImageEditParamsNonStreaming);
}

/** References of each format in turn, named as the activity names them. */
async function orderWith(count: number): Promise<Order> {
  const references = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const format = (['png', 'jpeg', 'webp'] as const)[i % 3] ?? 'png';
      const create = { width: 64, height: 48, channels: 3, background: { r: 40 * i, g: 90, b: 9 } } as const;
      const bytes = await sharp({ create }).toFormat(format).toBuffer();
      return { bytes, mime: `image/${format}`, filename: `reference-${i + 1}.${format}` };
    }),
  );
  return { model: 'gpt-image-2', prompt: 'a lighthouse', size: '1024x1024', options: {}, references };
}

/** The official client's form with our additions, text parts in the order of names, then files as sent. */
function withOurParts(parts: CapturedPart[]): CapturedPart[] {
  if (parts.length === 0) return [];
  const plain = parts.find(({ filename }) => filename === null);
  const added = Object.entries(OURS_ON_PURPOSE.fields).map(([name, value]) => {
    const text = String(value);
    const sha256 = createHash('sha256').update(text).digest('hex');
    return { ...(plain as CapturedPart), name, value: text, sizeBytes: text.length, sha256 };
  });
  const isText = ({ filename }: CapturedPart) => filename === null;
  const texts = [...parts.filter(isText), ...added].toSorted((a, b) => a.name.localeCompare(b.name));
  return [...texts, ...parts.filter((part) => !isText(part))];
}

/** Headers that must be the same; lengths and boundaries follow from the bodies. */
function comparable(headers: Record<string, string>): Record<string, string> {
  const { added, leftOut, other } = OURS_ON_PURPOSE.headers;
  const ignored = new Set([...added, ...other, 'content-length', 'content-type', 'host']);
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !ignored.has(name) && !leftOut.test(name)),
  );
}
