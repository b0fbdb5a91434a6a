/** What a provider may send: any status, any headers, any body, through all that reads it. */
import * as fc from 'fast-check';
import { hasPngEnd, readPixelSize, sniffFormat } from '../../src/artifacts/image-header.ts';
import { billingOf, FAILURES } from '../../src/domain/failure.ts';
import { BadAnswer, type ImageLink, readAnswer } from '../../src/provider/answer.ts';
import { classifyAnswer } from '../../src/provider/errors.ts';
import { isPublicAddress } from '../../src/provider/public-address.ts';
import { redactPatterns } from '../../src/provider/redact.ts';
import { retryAfterMs } from '../../src/provider/retry-after.ts';
import { createSecrets } from '../../src/provider/secrets.ts';
import { CANARY_KEY, CANARY_TOKEN, canariesIn, FORMS, SAID } from '../support/canary.ts';
import type { Fuzzed, Group } from './fuzz.ts';
import { anyJson, deepJson, holds, isOneSafeLine, mutated, text } from './hostile.ts';

export const ANSWERS: Group = {
  name: 'provider bodies and headers',
  runs: 220_000,
  properties: () =>
    [
      { what: 'an answer', share: 0.54, check: fc.property(status, headers, body, checkAnswer) },
      {
        what: 'an answer that repeats secrets',
        share: 0.12,
        check: fc.property(status, telling, checkTelling),
      },
      { what: 'a header that names a wait', share: 0.12, check: fc.property(waits, text, checkWait) },
      { what: 'a text that is redacted', share: 0.16, check: fc.property(leaky, checkRedaction) },
      { what: 'a link', share: 0.06, check: fc.property(address, checkAddress) },
    ] as Fuzzed[],
};

const secrets = createSecrets();
secrets.remember([CANARY_KEY, CANARY_TOKEN]);
const { redact, redactBody } = secrets;

const status = fc.oneof(
  fc.constantFrom(
    200,
    201,
    204,
    301,
    400,
    401,
    402,
    403,
    404,
    408,
    409,
    413,
    422,
    429,
    500,
    502,
    503,
    504,
    520,
    524,
    529,
  ),
  fc.integer({ min: 200, max: 999 }),
);

const headers = fc.dictionary(
  fc.constantFrom(
    'retry-after',
    'retry-after-ms',
    'x-should-retry',
    'x-request-id',
    'date',
    'content-type',
    'cf-ray',
  ),
  fc.oneof(text, fc.constantFrom('true', 'false', '1', '-1', '1e9', 'NaN', 'Thu, 26 Nov 2026 10:00:00 GMT')),
  { maxKeys: 4 },
);

const PNG = Buffer.from('89504e470d0a1a0a0000000d4948445200000010000000100802000000', 'hex');
const image = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.concat([PNG, bytes])),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.concat([Buffer.from('ffd8ff', 'hex'), bytes])),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.concat([Buffer.from('RIFF0000WEBPVP8X'), bytes])),
);
const given = fc.oneof(
  image.map((bytes) => bytes.toString('base64')),
  image.map((bytes) => `data:image/png;base64,${bytes.toString('base64')}`),
  text,
  fc.jsonValue({ maxDepth: 1 }),
);
const error = fc.oneof(
  text,
  fc.record({ message: text, code: fc.oneof(text, fc.integer()), type: text }, { requiredKeys: [] }),
  fc.jsonValue({ maxDepth: 2 }),
);
const shaped = fc
  .record(
    {
      data: fc.oneof(
        fc.array(fc.record({ b64_json: given, url: given, revised_prompt: given }, { requiredKeys: [] }), {
          maxLength: 3,
        }),
        fc.jsonValue({ maxDepth: 1 }),
      ),
      error,
      message: text,
      code: fc.oneof(text, fc.integer()),
      usage: fc.jsonValue({ maxDepth: 4 }),
      created: fc.jsonValue({ maxDepth: 0 }),
      size: text,
      model: text,
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.stringify(value));

const body = fc
  .oneof(
    { weight: 6, arbitrary: shaped },
    { weight: 3, arbitrary: mutated(shaped) },
    { weight: 2, arbitrary: anyJson },
    { weight: 2, arbitrary: text.map((inside) => `<!doctype html><html><title>${inside}</title>${inside}`) },
    { weight: 2, arbitrary: text },
    { weight: 1, arbitrary: deepJson },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    },
  )
  .map((content) => Buffer.from(content));

function checkAnswer(code: number, head: Record<string, string>, content: Buffer): void {
  const answer = classifyAnswer({ status: code, headers: head, body: content }, redact);
  if (answer.kind === 'failure') {
    holds('the category is known', Object.hasOwn(FAILURES, answer.category));
    holds('it has a billing class', ['no', 'possible', 'yes'].includes(billingOf(answer.category, 'done')));
    holds('the message is one short line', isOneSafeLine(answer.message) && answer.message.length <= 500);
    const wait = answer.retryAfterMs ?? 1_000;
    holds('a wait is 1 s to 15 min', Number.isInteger(wait) && wait >= 1_000 && wait <= 900_000);
    return;
  }
  holds('only a 2xx is an image', code >= 200 && code <= 299);
  readOne(content);
}

function readOne(content: Buffer): void {
  try {
    const answer = readAnswer(content, redact);
    holds('usage is small', JSON.stringify(answer.usage).length < 500_000);
    holds('it has an image, or is refused', answer.images.length > 0);
    for (const { read } of answer.images) readImage(read());
  } catch (error) {
    if (!(error instanceof BadAnswer)) throw error;
    holds('the reason is one line', isOneSafeLine(error.message) && error.message.length < 1_000);
  }
}

function readImage(given: Buffer | ImageLink): void {
  if (!Buffer.isBuffer(given)) return;
  const format = sniffFormat(given);
  if (format === null) return;
  const size = readPixelSize(given, format);
  holds('a size is positive', size === null || (size.width > 0 && size.height > 0));
  hasPngEnd(given);
}

/** Around a secret in any of its forms: in an error, in JSON, in a page, in text. */
const form = fc.oneof(fc.constant(SAID), fc.constantFrom(...FORMS.map(([, written]) => written)));
const around = fc
  .tuple(
    fc.string({ maxLength: 40 }),
    fc.constantFrom(0, 0, 0, 440, 470, 960, 19_900, 19_980),
    fc.constantFrom(' ', '.'),
  )
  .map(([words, more, pad]) => words.replaceAll('[', '') + pad.repeat(more));
const telling = fc.tuple(around, form, around, fc.nat({ max: 5 })).map(([before, said, after, shape]) => {
  const words = `${before} ${said} ${after}`;
  const bodies = [
    JSON.stringify({ error: { message: words, code: said, type: said } }),
    JSON.stringify({ error: words }),
    JSON.stringify({ data: [{ b64_json: words }] }),
    JSON.stringify({ data: [{ url: `https://x/${said}` }], usage: { [said]: 1 }, model: said }),
    `<html><title>${words}</title>`,
    words,
  ];
  return bodies[shape] ?? words;
});

function checkTelling(code: number, said: string): void {
  const content = Buffer.from(said);
  const answer = classifyAnswer({ status: code, headers: { 'x-request-id': said }, body: content }, redact);
  const told = answer.kind === 'failure' ? answer.message : reasonOf(content);
  holds(`no secret is in ${told}`, canariesIn(told).length === 0);
  holds(`no half of one is in ${told}`, !HALVES.some((half) => told.includes(half)));
  const kept = redactBody(content);
  holds('no secret is in what is kept', canariesIn(kept.toString('latin1')).length === 0);
  holds('what is kept stays as it is', redactBody(kept).equals(kept));
}

/** A cut must not come before the redaction. */
const HALVES = [CANARY_KEY, CANARY_TOKEN].map((secret) => secret.slice(0, 10));

function reasonOf(content: Buffer): string {
  try {
    for (const { read } of readAnswer(content, redact).images) read();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

const waits = fc.record(
  { 'retry-after': text, 'retry-after-ms': fc.oneof(text, fc.double().map(String)), date: text },
  { requiredKeys: [] },
);

function checkWait(head: Partial<Record<string, string>>, message: string): void {
  const texts = [message, `Please try again in ${message}`, `retry after ${message}`];
  for (const words of texts) {
    const wait = retryAfterMs(head as Record<string, string>, words, 1_700_000_000_000);
    holds('a wait is 1 s to 15 min', wait === undefined || (wait >= 1_000 && wait <= 900_000));
  }
}

/** Parts of what looks like a secret, and what ends such a part; one to a line. */
const PIECES = `sk-
sk-abcdefgh
Bearer
token
token=
api_key: "
authorization:
https://
x://
a:b@
?
#
/
<
>
\\
"
'
,
&
;
=
:
a`
  .split('\n')
  .concat(' ');
const piece = fc.constantFrom(...PIECES);
const leaky = fc
  .array(fc.oneof({ weight: 6, arbitrary: piece }, { weight: 1, arbitrary: text }), { maxLength: 14 })
  .map((pieces) => pieces.join(''));

function checkRedaction(words: string): void {
  const once = redactPatterns(words);
  holds('redacted once is redacted for good', redactPatterns(once) === once);
}

/** Of this machine or its network, in a spelling that a URL may have. */
const octet = fc.nat({ max: 255 });
const privateIpv4 = fc.oneof(
  fc.tuple(fc.constantFrom(0, 10, 127), octet, octet, octet),
  fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), octet, octet),
  fc.tuple(fc.constant(192), fc.constant(168), octet, octet),
  fc.tuple(fc.constant(169), fc.constant(254), octet, octet),
  fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), octet, octet),
  fc.tuple(fc.integer({ min: 224, max: 255 }), octet, octet, octet),
);
const address = fc.tuple(privateIpv4, fc.nat({ max: 10 })).map(([[a, b, c, d], spelling]) => {
  const number = ((a * 256 + b) * 256 + c) * 256 + d;
  const [high, low] = [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
  const spellings = [
    `${a}.${b}.${c}.${d}`,
    String(number),
    `0x${number.toString(16)}`,
    `0${number.toString(8)}`,
    `0x${a.toString(16)}.0${b.toString(8)}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c}.${d}.`,
    `[::ffff:${high}:${low}]`,
    `[::${high}:${low}]`,
    `[64:ff9b::${high}:${low}]`,
    `[2002:${high}:${low}::1]`,
  ];
  return spellings[spelling] ?? String(number);
});

function checkAddress(host: string): void {
  const { hostname } = new URL(`https://${host}/a.png`);
  holds(`${host} is not public`, !isPublicAddress(hostname.replaceAll(/[[\]]/gu, '')));
}
