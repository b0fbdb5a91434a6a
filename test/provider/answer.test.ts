import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadAnswer, readAnswer } from '../../src/provider/answer.ts';
import { createRedactor } from '../../src/provider/redact.ts';

const IMAGE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xfb, 0xff, 0xfe, 0, 1, 2]);
const B64 = IMAGE.toString('base64');
const body = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const withImage = (b64_json: unknown, more: object = {}) =>
  body({ created: 1, data: [{ b64_json }], ...more });

/** As its first image is read. */
function firstOf(raw: Buffer, redact?: (text: string) => string) {
  const { images, ...more } = readAnswer(raw, redact);
  return { image: images[0]?.read(), revisedPrompt: images[0]?.revisedPrompt, ...more };
}

function problemOf(raw: Buffer): string {
  try {
    firstOf(raw);
  } catch (error) {
    expect(error).toBeInstanceOf(BadAnswer);
    return (error as Error).message;
  }
  throw new Error('it was read as an image');
}

describe('An image is found', () => {
  test.each<[string, Buffer]>([
    ['as raw base64', withImage(B64)],
    ['with line breaks', withImage(`${B64.slice(0, 8)}\r\n${B64.slice(8)}\n`)],
    ['as data URI in b64_json', withImage(`data:image/png;base64,${B64}`)],
    ['as data URI in url', body({ data: [{ url: `data:image/webp;base64,${B64}` }] })],
    ['with an upper-case data URI', withImage(`DATA:image/PNG;BASE64,${B64}`)],
    ['as data URI with a parameter', withImage(`data:image/png;charset=utf-8;base64,${B64}`)],
    [
      'as data URI with parameters',
      withImage(`data:image/png; name="a b.png"; charset=utf-8; base64,${B64}`),
    ],
    ['as data URI without a type', withImage(`data:;base64,${B64}`)],
    ['as data URI of bytes', withImage(`data:application/octet-stream;base64,${B64}`)],
    ['with both fields', body({ data: [{ b64_json: B64, url: 'https://x/y.png' }] })],
    [
      'with an empty b64_json beside a url',
      body({ data: [{ b64_json: '', url: `data:image/png;base64,${B64}` }] }),
    ],
    [
      'after keep-alive white space',
      Buffer.concat([Buffer.from('\n \r\n\t'), withImage(B64), Buffer.from('\n\n')]),
    ],
    ['after a BOM', Buffer.concat([Buffer.from('\uFEFF'), withImage(B64)])],
    [
      'with JSON escapes',
      body(
        `{"data":[{"b64_json":"${B64.replaceAll('/', String.raw`\/`).replaceAll('=', String.raw`\u003D`)}"}]}`,
      ),
    ],
    [
      'beside error: null and a code for success',
      withImage(B64, { error: null, code: 0, message: 'success' }),
    ],
    ...[{}, [], 0, '', ' ', false, { code: null, message: '' }, { code: 0, details: { reasons: [] } }].map(
      (error): [string, Buffer] => [`beside error: ${JSON.stringify(error)}`, withImage(B64, { error })],
    ),
  ])('%s', (_, raw) => {
    expect(firstOf(raw).image).toEqual(IMAGE);
  });

  test.each<[string, object]>([
    ['https://cdn.example/x.png?sig=1', { url: ' https://cdn.example/x.png?sig=1\n' }],
    ['HTTP://169.254.169.254/latest', { b64_json: 'HTTP://169.254.169.254/latest' }],
    ['/files/x.png', { url: '/files/x.png' }],
  ])('as a link, which is for somebody else to follow: %s', (link, item) => {
    expect(firstOf(body({ data: [item] })).image).toEqual({ link });
  });

  test('with what the provider says of it', () => {
    const usage = {
      input_tokens: 10,
      input_tokens_details: { text_tokens: 10, image_tokens: 0 },
      output_tokens: 196,
      total_tokens: 206,
    };
    const echo = {
      size: '1536x864',
      quality: 'low',
      output_format: 'png',
      background: 'opaque',
      model: 'gpt-image-2',
    };
    const raw = body({
      created: 1713833628,
      data: [{ b64_json: B64, revised_prompt: 'a 灯塔' }],
      usage,
      ...echo,
      other: 1,
    });
    expect(firstOf(raw)).toEqual({
      image: IMAGE,
      usage,
      revisedPrompt: 'a 灯塔',
      created: 1713833628,
      echo,
    });
  });

  test('with nulls for what the provider keeps to itself', () => {
    const bare = { usage: null, revisedPrompt: null, created: null, echo: {} };
    expect(firstOf(body({ data: [{ b64_json: B64 }] }))).toEqual({ image: IMAGE, ...bare });
    const wrongTypes = { created: 'x', usage: [1], size: 5, data: [{ b64_json: B64, revised_prompt: {} }] };
    expect(firstOf(body(wrongTypes))).toEqual({ image: IMAGE, ...bare });
  });

  test('in the order of the answer when there are several, each with its own prompt', () => {
    const other = Buffer.from('other').toString('base64');
    const data = [
      { revised_prompt: 'none' },
      { b64_json: 'broken!' },
      { b64_json: B64, revised_prompt: 'mine' },
      { b64_json: other },
      null,
      { url: other },
    ];
    const { images } = readAnswer(body({ data }));
    expect(images.map(({ revisedPrompt }) => revisedPrompt)).toEqual([null, 'mine', null, null]);
    expect(() => images[0]?.read()).toThrow(BadAnswer);
    expect(images.slice(1).map(({ read }) => read())).toEqual([IMAGE, Buffer.from('other'), { link: other }]);
  });

  test('whatever its bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const image = Buffer.from(bytes);
        expect(firstOf(withImage(image.toString('base64'))).image).toEqual(image);
      }),
    );
  });
});

describe('What is no image is refused with its reason', () => {
  test.each<[string, unknown, string]>([
    ['nothing', '', 'is empty'],
    ['white space only', ' \n \n', 'is empty'],
    ['a login page', '<!DOCTYPE html><html><title>Sign in</title>', 'no JSON but HTML page "Sign in"'],
    ['text', 'OK', 'no valid JSON'],
    ['NUL bytes', '\0\0\0', 'no valid JSON'],
    ['JSON that was cut', withImage(B64).toString().slice(0, -5), 'no valid JSON, or was cut off'],
    ['two documents', '{}{}', 'no valid JSON'],
    ['a list', [1], 'no object'],
    ['null', 'null', 'no object'],
    [
      'an error inside a 200',
      { error: { code: 'server_error', message: 'late failure' } },
      'error inside a success (server_error): late failure',
    ],
    ['an error as text', { error: 'late failure', data: [] }, 'late failure'],
    [
      'an empty error without an image',
      { error: {}, message: 'busy' },
      'has no "data"; the provider says: busy',
    ],
    ['an error that is a number beside an image', { error: 5, data: [{ b64_json: B64 }] }, 'no code'],
    [
      'an error in depth beside an image',
      { error: { a: { b: { c: { d: '' } } } }, data: [{ b64_json: B64 }] },
      'no code',
    ],
    ['an error beside an image', { error: { message: 'partial' }, data: [{ b64_json: B64 }] }, 'partial'],
    [
      'code and message without envelope',
      { code: 1302, message: '并发数过高' },
      'has no "data"; the provider says: 并发数过高',
    ],
    ['a task id', { task_id: 'x' }, 'has no "data"'],
    ['data: []', { data: [] }, '"data" is empty'],
    ['data: null', { data: null }, '"data" is empty'],
    ['an object for data', { data: { b64_json: B64 } }, '"data" is empty'],
    ['an item without image', { data: [{ revised_prompt: 'x' }] }, 'holds no image'],
    ['an empty b64_json', { data: [{ b64_json: '' }] }, 'holds no image'],
    ['null for b64_json', { data: [{ b64_json: null }] }, 'holds no image'],
    ['a number for b64_json', { data: [{ b64_json: 5 }] }, 'holds no image'],
    ['null in data', { data: [null] }, 'holds no image'],
    ['base64 that was cut', { data: [{ b64_json: B64.slice(0, -3) }] }, 'cut off'],
    ['base64 without padding', { data: [{ b64_json: B64.replaceAll('=', '') }] }, 'cut off'],
    ['too much padding', { data: [{ b64_json: 'QUJD====' }] }, 'invalid'],
    ['padding in the middle', { data: [{ b64_json: 'QQ==QUJD' }] }, 'invalid: "=" at position 2'],
    ['only padding', { data: [{ b64_json: '==' }] }, 'cut off'],
    ['stray bits at the end', { data: [{ b64_json: 'QUJDQR==' }] }, 'ends wrongly'],
    [
      'the URL-safe alphabet',
      { data: [{ b64_json: IMAGE.toString('base64url').padEnd(16, '=') }] },
      'invalid: "_" at position 5',
    ],
    ['HTML for base64', { data: [{ b64_json: '<html>oops</html>' }] }, 'invalid: "<" at position 0'],
    ['a data URI of text', { data: [{ b64_json: `data:text/html;base64,${B64}` }] }, 'no base64 image'],
    [
      'a data URI of text with parameters',
      { data: [{ b64_json: `data:text/html;a=b;base64,${B64}` }] },
      'no base64 image',
    ],
    ['a data URI without base64', { data: [{ b64_json: 'data:image/png,abc' }] }, 'no base64 image'],
    ['an empty data URI', { data: [{ b64_json: 'data:image/png;base64,' }] }, 'base64 is empty'],
  ])('%s', (_, value, reason) => {
    expect(problemOf(body(value))).toContain(reason);
  });

  test('without its secrets', () => {
    const raw = body({ error: { message: 'key abcd-efgh is wrong' } });
    expect(() => firstOf(raw, createRedactor(['abcd-efgh']))).toThrow('key [redacted] is wrong');
  });
});

describe('A hostile body', () => {
  test('pollutes nothing', () => {
    const raw = body(`{"__proto__":{"data":[{"b64_json":"${B64}"}]},"usage":{"__proto__":{"polluted":1}}}`);
    expect(problemOf(raw)).toContain('has no "data"');
    const { usage } = firstOf(
      body(`{"data":[{"b64_json":"${B64}"}],"usage":{"__proto__":{"polluted":1},"a":1}}`),
    );
    expect(Object.keys(usage ?? {})).toEqual(['a']);
    expect(Object.assign({}, usage)).not.toHaveProperty('polluted');
    expect({}).not.toHaveProperty('polluted');
  });

  test('may be nested a million deep', () => {
    const deep = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;
    expect(problemOf(body(deep))).toContain('no object');
    expect(problemOf(body(`{"data":${deep}}`))).toContain('holds no image');
    const nested = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    expect(
      JSON.stringify(firstOf(body(`{"data":[{"b64_json":"${B64}"}],"usage":${nested}}`)).usage).length,
    ).toBeLessThan(100);
  });

  test('can only be an image or a BadAnswer', () => {
    const shape = fc.record(
      {
        data: fc.oneof(
          fc.jsonValue(),
          fc.array(fc.record({ b64_json: fc.jsonValue(), url: fc.jsonValue() }, { requiredKeys: [] })),
        ),
        error: fc.jsonValue(),
        usage: fc.jsonValue(),
        created: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          shape.map((value) => JSON.stringify(value)),
          fc.string({ unit: 'binary' }),
          fc.json(),
        ),
        (text) => {
          try {
            firstOf(Buffer.from(text));
          } catch (error) {
            expect(error).toBeInstanceOf(BadAnswer);
          }
        },
      ),
    );
  });

  test('cut anywhere never yields another image', () => {
    const raw = withImage(B64, { usage: { total_tokens: 5 } });
    for (let end = 0; end < raw.length; end += 1) problemOf(raw.subarray(0, end));
    expect.assertions(raw.length);
  });
});

test('An answer of 64 MiB is read', () => {
  const image = Buffer.alloc(64 * 1024 * 1024, 0xa5);
  expect(image.equals(firstOf(withImage(image.toString('base64'))).image as Buffer)).toBe(true);
});
