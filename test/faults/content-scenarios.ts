/** Part D: a 200 with bad content. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect } from 'vitest';
import { http } from '../provider/raw-server.ts';
import { activityWorld } from '../support/activity-world.ts';
import { playTask } from '../support/play-task.ts';
import type { StepKind, StepOptions } from '../support/provider-steps.ts';
import { body200, goodImage, goodJson, faultServer } from './answers.ts';
import { allOf, type Given, given, judgeFiles, type Scenario, type Scenarios } from './scenario.ts';

const step = (kind: StepKind, options: StepOptions = {}, more: Given = {}) =>
  given({ step: { kind, ...options }, ...more });

const withImage = (image: unknown, more: object = {}) =>
  JSON.stringify({ created: 1, data: [{ b64_json: image }], ...more });
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** An image that is not quite the good one. */
const withBytes = (change: (image: Buffer) => Buffer, more: Given = {}): Scenario => {
  return async (faultCase) => {
    const image = change(Buffer.from(await goodImage()));
    await body200(() => withImage(image.toString('base64')), {
      ...more,
      // Byte for byte as it came.
      also: async ({ result }) => {
        if (result.image_path !== null) expect(await readFile(result.image_path)).toEqual(image);
      },
    })(faultCase);
  };
};

const flipped = (image: Buffer): Buffer => {
  const at = Math.floor(image.length / 2);
  image[at] = (image[at] ?? 0) ^ 0xff;
  return image;
};

const claims =
  (pixels: number) =>
  (image: Buffer): Buffer => {
    image.writeUInt32BE(pixels, 16);
    image.writeUInt32BE(pixels, 20);
    return image;
  };

/** Its true extension, and a warning. */
const savedAs = (extension: string): Given => ({
  also: ({ result }) => {
    expect(result.image_path).toMatch(new RegExp(`\\.${extension}$`, 'u'));
    expect(result.not_acceptable_because).toEqual(['image-format']);
  },
});

/** The first one is the image; the others are in the raw answer. */
const three: Scenario = async (faultCase) => {
  const others = await Promise.all(
    ['#aa0000', '#00aa00'].map((background) =>
      sharp({ create: { width: 816, height: 816, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  );
  const data = [await goodImage(), ...others].map((image) => ({ b64_json: image.toString('base64') }));
  // Not acceptable for nobody's fault: the image is the one asked for.
  await body200(() => JSON.stringify({ data }), {
    also: async ({ result }, { spooledAnswers, spoolDir }) => {
      expect(result.warnings).toEqual([expect.stringContaining('2 more image(s) in the answer')]);
      const [name] = await spooledAnswers();
      const raw = await readFile(join(spoolDir, name as string), 'utf8');
      for (const { b64_json } of data) expect(raw).toContain(b64_json);
    },
  })(faultCase);
};

/** A good image that stands behind a broken one. */
const behind = (broken: object): Scenario =>
  body200((good) => good.replace('"data":[', `"data":[${JSON.stringify(broken)},`), {
    also: async ({ result }) => {
      expect(result.warnings).toEqual([expect.stringContaining('1 image(s) before it in the answer')]);
      expect(await readFile(result.image_path ?? '')).toEqual(await goodImage());
    },
  });

/** A place that must not hear of it, and an address for it that a filter of texts may miss. */
const link = (urlOf: (port: number) => string): Scenario => {
  return async (faultCase) => {
    const place = await faultServer({});
    const url = urlOf(place.port);
    await body200(() => JSON.stringify({ data: [{ url }] }), {
      says: /given as a link, and .* is not asked: /u,
      also: ({ result }) => {
        expect(place.connections()).toBe(0);
        expect(JSON.stringify(result)).not.toContain('sig=');
      },
    })(faultCase);
  };
};

/** A provider that gives a link to itself, and what it says to those who follow it. */
const linkBack =
  (follow: (n: number, image: Buffer) => string | Buffer, more: Given = {}): Scenario =>
  async (faultCase) => {
    const image = await goodImage();
    const followed: string[] = [];
    const orders: string[] = [];
    await given({
      ...more,
      provider: async () => {
        const { baseUrl, requests } = await faultServer({
          answer: (socket) => {
            const request = requests.at(-1) ?? '';
            (request.startsWith('GET') ? followed : orders).push(request);
            const link = JSON.stringify({ data: [{ url: '/files/a.png?sig=secret' }] });
            socket.write(request.startsWith('GET') ? follow(followed.length, image) : http(200, link));
          },
        });
        return { baseUrl, calls: () => orders.length };
      },
      also: async (played, world, task) => {
        expect(followed.length).toBeGreaterThan(0);
        expect(followed.filter((request) => /authorization|canary/iu.test(request))).toEqual([]);
        expect(JSON.stringify(played.result)).not.toContain('sig=');
        await more.also?.(played, world, task);
      },
    })(faultCase);
  };

const png = (image: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 200 X\r\ncontent-type: image/png\r\ncontent-length: ${image.length}\r\n\r\n`),
    image,
  ]);

/** The bytes that another generation brought before. */
const seenBefore: Scenario = async () => {
  const world = await activityWorld({ images: [await goodImage()] });
  const named = (name: string) =>
    world.task({ task_key: name, task_name: name, run_dir: join(world.outputDir, 'batches', name) });
  expect((await playTask(world, named('one'))).row).toMatchObject({ acceptable: true });
  const second = await playTask(world, named('two'));
  expect(second.row).toMatchObject({ status: 'completed', acceptable: false, billing: { yes: 1 } });
  expect(second.result.not_acceptable_because).toContain('not-another-result');
  expect(world.provider.calls).toHaveLength(2);
};

const otherModel: Given = {
  also: ({ result }) => expect(result.not_acceptable_because).toEqual(['model-approved']),
};

const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;

const unpolluted: Given = {
  also: async (played, world) => {
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    await judgeFiles(world, played);
  },
};

export const CONTENT_SCENARIOS: Scenarios = {
  '46': step('html', {}, { says: /HTML page "Please log in"/u }),
  '47a': step('not_json'),
  '47b': step('empty_body'),
  '47c': body200((good) => `\uFEFF${good}`),
  '47d': body200(() => Buffer.alloc(100)),
  '48a': allOf(
    step('error_in_200'),
    body200(() => '{"code":1302,"message":"busy"}', { says: /busy/u }),
  ),
  '48b': step('empty_data'),
  '48c': body200(() => '{"data":null}'),
  '48d': body200(() => withImage('')),
  '48e': allOf(
    step('error_in_200', { code: 'insufficient_quota' }, { says: /^HTTP 200 \(insufficient_quota\): /u }),
    body200(() => `${'\n'.repeat(600)}{"code":"project_spend_limit_exceeded","message":"no more"}`),
  ),
  '48f': body200(() => '{"error":{"code":402,"message":"Insufficient credits"}}', {
    says: /\(402\): Insuf/u,
  }),
  '48g': step('error_in_200', { code: 'invalid_api_key' }),
  '48h': body200(() => '{"error":{"code":401,"message":"No credentials"},"data":null}'),
  '48i': allOf(
    ...[{}, [], 0, { code: null, message: '' }].map((error) =>
      body200((good) => `{"error":${JSON.stringify(error)},${good.slice(1)}`),
    ),
  ),
  '49a': step('truncated_base64'),
  '49b': withBytesAsUrlSafe(),
  '49c': step('base64_lines'),
  '49d': step('data_uri'),
  '49e': step('leading_whitespace'),
  '49f': allOf(
    inDataUri('data:image/png;charset=utf-8;base64'),
    inDataUri('data:image/png; name="a.png"; base64'),
    inDataUri('data:;base64'),
  ),
  '50a': body200(() => withImage(base64(`<html>${'x'.repeat(200)}</html>`))),
  '50b': body200(() => withImage(base64('too short'))),
  '51a': withBytes((image) => image.subarray(0, -12)),
  '51b': withBytes(flipped),
  '51c': withBytes((image) => Buffer.concat([image, Buffer.from('more')])),
  '51d': withBytes(claims(60_000), { says: /pixel limit/u }),
  '52a': step('wrong_format', { format: 'jpeg' }, savedAs('jpg')),
  '52b': step('wrong_format', { format: 'webp' }, savedAs('webp')),
  '53': step(
    'wrong_size',
    { size: '1024x1024' },
    {
      also: ({ result }) => expect(result.not_acceptable_because).toEqual(['image-size']),
    },
  ),
  '54a': three,
  '54b': allOf(
    behind({ b64_json: 'not base64!' }),
    behind({ b64_json: base64(`<html>${'x'.repeat(200)}</html>`) }),
    behind({ url: 'https://127.0.0.1/a.png' }),
    async (faultCase) =>
      behind({ b64_json: (await goodImage()).subarray(0, -12).toString('base64') })(faultCase),
  ),
  '55a': allOf(
    linkBack((_, image) => png(image)),
    step(
      'url',
      {},
      {
        also: ({ result }, { provider }) => {
          expect(provider.downloads).toEqual([expect.objectContaining({ authorization: false })]);
          expect(result.attempts[0]?.answer?.downloaded_from).toBe(new URL(provider.baseUrl).origin);
        },
      },
    ),
  ),
  '55b': linkBack((n, image) => (n < 3 ? http(503, '') : png(image)), {
    also: ({ failures, waitsMs }) => {
      expect(waitsMs).toHaveLength(2);
      expect(failures[0]?.message).toMatch(/answered 503; the answer is kept and the link tried again/u);
    },
  }),
  '55c': allOf(
    linkBack(() => http(404, ''), { says: /answered 404; fetch it by hand/u }),
    linkBack(() => http(200, '<html>', { 'content-type': 'text/html' }), { says: /holds text\/html/u }),
    linkBack(() => http(200, 'text'), { says: /no PNG, JPEG or WebP image/u }),
  ),
  '56': allOf(
    link(() => 'http://169.254.169.254/latest/meta-data/'),
    link((port) => `http://0x7f000001:${port}/a.png`),
    link((port) => `http://2130706433:${port}/a.png`),
    link((port) => `http://[::ffff:127.0.0.1]:${port}/a.png`),
    link((port) => `//127.1:${port}/a.png`),
    link((port) => `https://127.0.0.1:${port}/a.png?sig=secret`),
    linkBack(() => http(302, '', { location: 'https://169.254.169.254/latest/meta-data/' }), {
      says: /is no public address/u,
    }),
  ),
  '57a': seenBefore,
  '57b': step('echo_reference', {}, { references: 1, says: /is the reference .* itself/u }),
  '58a': saysModel('gpt-image-1-mini', otherModel),
  '58b': allOf(saysModel('gpt-image-2-2026-04-21'), saysModel('openai/gpt-image-2')),
  '59a': body200((good) => `{"__proto__":${good.slice(0, -1)},"polluted":1}}`, unpolluted),
  '59b': allOf(
    body200(() => deep),
    body200(() => `{"data":${deep}}`),
  ),
  '59c': body200((good) => `{"data":[],${good.slice(1)}`),
  '59d': body200((good) => `{"revised":"\\ud800",${good.slice(1)}`),
};

function inDataUri(prefix: string): Scenario {
  return async (faultCase) => {
    const image = (await goodImage()).toString('base64');
    await body200(() => withImage(`${prefix},${image}`))(faultCase);
  };
}

function saysModel(model: string, more: Given = {}): Scenario {
  return async (faultCase) => {
    const json = await goodJson({ model });
    await body200(() => json, more)(faultCase);
  };
}

function withBytesAsUrlSafe(): Scenario {
  return async (faultCase) => {
    const image = (await goodImage()).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    expect(image).toMatch(/[-_]/u);
    await body200(() => withImage(image))(faultCase);
  };
}
