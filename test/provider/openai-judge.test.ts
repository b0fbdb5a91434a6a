/** The official client judges the scripted provider; what it sends is the measure for ours. */
import OpenAI, { AuthenticationError, RateLimitError, toFile } from 'openai';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { captureRequests, type CapturedRequest } from '../support/captured-openai-request.ts';
import { startProviderServer, type ProviderServer } from '../support/provider-server.ts';

const MODEL = 'gpt-image-2';
let server: ProviderServer;
beforeEach(async () => {
  server = await startProviderServer();
});
afterEach(() => server.close());

const client = (baseURL = server.baseUrl, apiKey = 'test-key') =>
  new OpenAI({ baseURL, apiKey, maxRetries: 0 });

const TYPES = ['png', 'jpeg', 'webp'] as const;

/** Differently coloured pictures in turn of type, named `ref-1.png`, `ref-2.jpeg` … */
async function references(count: number): Promise<File[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const type = TYPES[index % TYPES.length] ?? 'png';
      const background = { r: 40 * index, g: 200 - 30 * index, b: 120 };
      const bytes = await sharp({ create: { width: 64, height: 48, channels: 3, background } })
        .toFormat(type)
        .toBuffer();
      return toFile(bytes, `ref-${index + 1}.${type}`, { type: `image/${type}` });
    }),
  );
}

/** As the official types want it: one file for one reference, a list for more. */
function asImage(files: File[]): File | File[] {
  const [only] = files;
  return files.length === 1 && only !== undefined ? only : files;
}

async function decode(answer: OpenAI.ImagesResponse) {
  const bytes = Buffer.from(answer.data?.[0]?.b64_json ?? '', 'base64');
  const { data, info } = await sharp(bytes, { failOn: 'warning' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { format } = await sharp(bytes).metadata();
  return { bytes, pixels: data, format, size: `${info.width}x${info.height}` };
}

describe('The official client gets real images', () => {
  test.each([
    ['1024x1024', 'png'],
    ['1536x1024', 'png'],
    ['1536x864', 'jpeg'],
    ['816x1632', 'webp'],
  ] as const)('of %s as %s', async (size, format) => {
    const answer = await client().images.generate({
      model: MODEL,
      prompt: 'a lighthouse',
      size,
      output_format: format,
      quality: 'low',
    });
    expect(await decode(answer)).toMatchObject({ size, format });
    expect(answer).toMatchObject({ size, output_format: format, quality: 'low', background: 'opaque' });
    expect(answer.usage?.output_tokens).toBeGreaterThan(0);
    expect(answer._request_id).toBe(server.calls[0]?.request_id);
  });

  test('of 1024x1024 when the size is auto', async () => {
    const answer = await client().images.generate({ model: MODEL, prompt: 'a lighthouse', size: 'auto' });
    expect(await decode(answer)).toMatchObject({ size: '1024x1024', format: 'png' });
  });

  test('that differ from call to call for the same prompt', async () => {
    const order = { model: MODEL, prompt: 'a lighthouse' };
    const [first, second] = [await client().images.generate(order), await client().images.generate(order)];
    expect((await decode(first)).pixels.equals((await decode(second)).pixels)).toBe(false);
  });

  test('that differ from server to server for the same call', async () => {
    const other = await startProviderServer();
    const order = { model: MODEL, prompt: 'a lighthouse' };
    const ours = await decode(await client().images.generate(order));
    const theirs = await decode(await client(other.baseUrl).images.generate(order));
    await other.close();
    expect(ours.bytes.equals(theirs.bytes)).toBe(false);
  });

  test.each([1, 2, 5])('made from %i references, each seen by the provider', async (count) => {
    const files = await references(count);
    const answer = await client().images.edit({ model: MODEL, prompt: 'as a poster', image: asImage(files) });
    expect(await decode(answer)).toMatchObject({ size: '1024x1024', format: 'png' });
    expect(answer.usage?.input_tokens_details.image_tokens).toBe(1024 * count);
    const [call] = server.calls;
    expect(call).toMatchObject({
      mode: 'edit',
      prompt: 'as a poster',
      model: MODEL,
      status: 200,
      step: 'ok',
    });
    expect(call?.references.map(({ filename, mime, field }) => ({ filename, mime, field }))).toEqual(
      files.map(({ name, type }) => ({
        filename: name,
        mime: type,
        field: count === 1 ? 'image' : 'image[]',
      })),
    );
  });

  test('in which a reference shows', async () => {
    const red = await sharp({ create: { width: 32, height: 32, channels: 3, background: '#ff0000' } })
      .png()
      .toBuffer();
    const image = await toFile(red, 'red.png', { type: 'image/png' });
    const { pixels } = await decode(await client().images.edit({ model: MODEL, prompt: 'x', image }));
    const inThumbnail = (840 * 1024 + 512) * (pixels.length / 1024 ** 2);
    expect([...pixels.subarray(inThumbnail, inThumbnail + 3)]).toEqual([255, 0, 0]);
  });
});

describe('The official client understands the refusals', () => {
  test('of a wrong key as AuthenticationError', async () => {
    const call = client(server.baseUrl, 'wrong').images.generate({ model: MODEL, prompt: 'x' });
    await expect(call).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' });
    await expect(call).rejects.toBeInstanceOf(AuthenticationError);
  });

  test('of a rate limit as RateLimitError with its headers', async () => {
    server.setScript([{ kind: '429', retryAfter: '2' }]);
    const error: unknown = await client()
      .images.generate({ model: MODEL, prompt: 'x' })
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(RateLimitError);
    expect((error as RateLimitError).headers?.get('retry-after')).toBe('2');
  });

  test.each(['response_format', 'style', 'input_fidelity'])(
    'of the field %s, which gpt-image-2 has not',
    async (field) => {
      const order = { model: MODEL, prompt: 'x', [field]: field === 'style' ? 'vivid' : 'high' };
      await expect(
        client().images.generate(order as OpenAI.ImageGenerateParamsNonStreaming),
      ).rejects.toMatchObject({
        status: 400,
        code: 'unknown_parameter',
        param: field,
      });
    },
  );
});

describe('What the official client sends', () => {
  const capture = async (count: number): Promise<CapturedRequest> => {
    const files = await references(count);
    const [request] = await captureRequests((baseUrl) =>
      count === 0
        ? client(baseUrl).images.generate({ model: MODEL, prompt: 'ein Bär, 熊', size: '1024x1024' })
        : client(baseUrl).images.edit({
            model: MODEL,
            prompt: 'ein Bär, 熊',
            size: '1024x1024',
            image: asImage(files),
          }),
    );
    if (request === undefined) throw new Error('The client sent nothing.');
    return request;
  };

  test('without a reference is JSON to /images/generations', async () => {
    const request = await capture(0);
    expect(request).toMatchObject({
      method: 'POST',
      path: '/images/generations',
      contentType: 'application/json',
      framing: 'content-length',
      json: { model: MODEL, prompt: 'ein Bär, 熊', size: '1024x1024' },
      parts: [],
    });
    expect(request.headers['authorization']).toBe('Bearer test-key');
  });

  test.each([1, 2, 5])('with %i references is a form to /images/edits', async (count) => {
    const request = await capture(count);
    expect(request).toMatchObject({ path: '/images/edits', contentType: 'multipart/form-data', json: null });
    const [texts, files] = [request.parts.slice(0, 3), request.parts.slice(3)];
    expect(texts.map(({ name, value, contentType }) => [name, value, contentType])).toEqual([
      ['model', MODEL, null],
      ['prompt', 'ein Bär, 熊', null],
      ['size', '1024x1024', null],
    ]);
    expect(files.map(({ name, filename, contentType }) => [name, filename, contentType])).toEqual(
      (await references(count)).map(({ name, type }) => [count === 1 ? 'image' : 'image[]', name, type]),
    );
    expect(files.map(({ sizeBytes }) => sizeBytes)).toEqual(
      (await references(count)).map(({ size }) => size),
    );
  });
});
