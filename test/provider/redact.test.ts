import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor, redactPatterns } from '../../src/provider/redact.ts';
import { growth, QUADRATIC } from '../support/growth.ts';

const MARK = '[redacted]';
/** Characters of text. */
const SIZES = [50_000, 400_000] as const;

const unicode = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;

describe('Exact secrets', () => {
  const secret = 'p@ss w0rd+"quoted"/\\';
  const redact = createRedactor([secret, 'other-secret', 'abc']);

  test.each([
    ['as it is', secret],
    ['in JSON', JSON.stringify({ secret }).slice(11, -2)],
    ['URL-encoded', encodeURIComponent(secret)],
    [
      'URL-encoded in lower case',
      encodeURIComponent(secret).replaceAll(/%../gu, (code) => code.toLowerCase()),
    ],
    ['in JSON of PHP', JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/')],
    ['in JSON within JSON', JSON.stringify(JSON.stringify(secret).slice(1, -1)).slice(1, -1)],
    ['in JSON with every sign as its code', secret.replaceAll(/\W/gu, (sign) => unicode(sign))],
    [
      'in JSON with all of it as codes',
      Array.from(secret, (sign) => unicode(sign).toUpperCase().replace('U', 'u')).join(''),
    ],
    ['URL-encoded twice', encodeURIComponent(encodeURIComponent(secret))],
    ['in HTML with numbers', secret.replaceAll(/\W/gu, (sign) => `&#${sign.charCodeAt(0)};`)],
    [
      'in HTML with hex numbers',
      secret.replaceAll(/\W/gu, (sign) => `&#x${sign.charCodeAt(0).toString(16).toUpperCase()};`),
    ],
    [
      'in HTML with names',
      secret.replaceAll('"', '&quot;').replaceAll('+', '&plus;').replaceAll('/', '&sol;'),
    ],
    ['in base64', Buffer.from(secret).toString('base64')],
    ['in base64url', Buffer.from(secret).toString('base64url')],
    ['in hex', Buffer.from(secret).toString('hex')],
    ['in upper-case hex', Buffer.from(secret).toString('hex').toUpperCase()],
  ])('are redacted %s', (_, form) => {
    expect(redact(`<${form}> <${form}>`)).toBe(`<${MARK}> <${MARK}>`);
  });

  test.each(['', 'u', 'us', 'user:', 'someone:'])(
    'are redacted inside the base64 of %j and the secret',
    (before) => {
      const encoded = Buffer.from(`${before}${secret}!`).toString('base64');
      expect(redact(`Basic ${encoded}`)).toContain(MARK);
      expect(redact(`Basic ${encoded}`)).not.toContain(encoded.slice(10, 22));
    },
  );

  test('of over 300 characters are redacted as they are, in JSON and URL-encoded', () => {
    const long = `${'k/9 "'.repeat(70)}\uD800`;
    const percent = encodeURIComponent(long.replaceAll('\uD800', '\uFFFD'));
    const lower = percent.replaceAll(/%../gu, (code) => code.toLowerCase());
    for (const form of [
      long,
      JSON.stringify(long).slice(1, -1),
      percent,
      lower,
      percent.replaceAll('%20', '+'),
    ])
      expect(createRedactor([long])(`<${form}>`)).toBe(`<${MARK}>`);
  });

  test('of under four characters are left alone', () => {
    expect(redact('abc')).toBe('abc');
    expect(createRedactor(['', 'abc'])('abc')).toBe('abc');
  });

  test('that begin alike are redacted whole', () => {
    expect(createRedactor(['key-1', 'key-123'])('key-123 key-1')).toBe(`${MARK} ${MARK}`);
  });

  test('never stay in a text, and a text without them is unchanged', () => {
    const word = fc
      .string({ unit: 'grapheme', minLength: 4, maxLength: 40 })
      .filter((text) => !MARK.includes(text));
    fc.assert(
      fc.property(word, fc.string(), fc.string(), (one, before, after) => {
        const text = `${before}${one}${after}`;
        const redacted = createRedactor([one])(text);
        expect(redacted).toContain(MARK);
        if (!`${before}${MARK}${after}`.includes(one)) expect(redacted).not.toContain(one);
        if (!before.includes(one)) expect(createRedactor([`${one}§`])(before)).toBe(before);
      }),
    );
  });
});

describe('What looks like a secret', () => {
  test.each([
    ['Incorrect API key provided: sk-proj-abc_DEF-123456.', `Incorrect API key provided: ${MARK}.`],
    ['authorization: Bearer abc.def-123', `authorization: Bearer ${MARK}`],
    ['Authorization: Basic dXNlcjpwYXNz', `Authorization: Basic ${MARK}`],
    ['bearer  xyz, next', `bearer  ${MARK}, next`],
    ['api_key=abc123&x=1', `api_key=${MARK}&x=1`],
    ['apikey: abc123', `apikey: ${MARK}`],
    ['x-api-key: abc123', `x-api-key: ${MARK}`],
    ['{"api_key": "abc123", "a": 1}', `{"api_key": "${MARK}", "a": 1}`],
    [String.raw`{\"token\":\"abc\"}`, String.raw`{\"token\":\"${MARK}\"}`],
    ['client_secret = abc', `client_secret = ${MARK}`],
    [
      'see https://user:pw@host.example/a/b?sig=1#frag now',
      `see https://${MARK}@host.example/a/b?${MARK} now`,
    ],
    ['https://host/a#token', `https://host/a#${MARK}`],
    ['postgres://u:p@db/x', `postgres://${MARK}@db/x`],
    ['"https://host/path?q"', `"https://host/path?${MARK}"`],
    // Seed 102354831: the mark stands where `<` ended the address.
    ['https://token=<&?', `https://token=${MARK}&?${MARK}`],
  ])('%j becomes %j', (text, expected) => {
    expect(redactPatterns(text)).toBe(expected);
  });

  test.each([
    'a task-12345678 and a risk-assessment',
    'input_tokens: 196, total tokens = 5',
    'https://host.example:8443/v1/images/generations',
    'basic requirements of the token ring',
    'connect ECONNREFUSED 127.0.0.1:443',
    'sk-ip',
  ])('%j stays', (text) => {
    expect(redactPatterns(text)).toBe(text);
  });

  test('is redacted once and for all', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'sk-',
        'Bearer ',
        'token=',
        'api_key: "',
        'https://',
        'a:b@',
        '?',
        '#',
        '/',
        ' ',
        'authorization: ',
      ),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
        (text) => {
          const once = redactPatterns(text);
          expect(redactPatterns(once)).toBe(once);
        },
      ),
    );
  });

  test.each(['sk-', 'bearer ', 'token=', 'authorization: a ', 'https://a@', 'a', ' ', 'api_key " ', 'a:b@?'])(
    'is found in time that grows as the text does: %j',
    (piece) => {
      const texts = new Map<number, string>(
        SIZES.map((characters) => [characters, piece.repeat(Math.ceil(characters / piece.length))]),
      );
      expect(growth(SIZES, (characters) => void redactPatterns(texts.get(characters) ?? ''))).toBeLessThan(
        QUADRATIC,
      );
    },
  );
});
