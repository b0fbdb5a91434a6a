/** Building blocks of hostile input. */
import * as fc from 'fast-check';

/** What terminals, shells, file systems, HTML, JavaScript and readers of logs do things with. */
export const NASTY = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '../',
  '..\\',
  '/',
  '\\',
  '.',
  '..',
  '~',
  '~/',
  '%2e%2e%2f',
  '\0',
  '\u001B[2J',
  '\u001B]0;title\u0007',
  '\u009B31m',
  '\r\n',
  '\n',
  '\t',
  '\u2028',
  '\u202E',
  '\u2066',
  '\u200F',
  '\uFEFF',
  '\uD800',
  '\uDC00',
  'é',
  'é',
  'ß',
  'CON',
  'nul.txt',
  '-rf',
  '$(id)',
  '`id`',
  '${HOME}',
  "'; --",
  '<script>',
  '{{7*7}}',
  'file:///etc/passwd',
  'data:,x',
  '图'.repeat(70),
  'a'.repeat(260),
] as const;

export const nasty = fc.constantFrom(...NASTY);

export const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.array(fc.oneof(nasty, fc.string({ maxLength: 6 })), { maxLength: 6 }).map((pieces) => pieces.join('')),
);

/** JSON of anything, with the names that prototypes have. */
export const anyJson = fc
  .oneof(
    fc.json({ depthSize: 'small' }),
    fc.dictionary(nasty, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }).map((value) => JSON.stringify(value)),
    fc.constant('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
  )
  .map((json) => json.replaceAll('"__PROTO__"', '"__proto__"'));

/** Nested as deep as it says. */
export const deepJson = fc
  .tuple(
    fc.integer({ min: 1, max: 20_000 }),
    fc.constantFrom('[', '{"a":', '{"__proto__":', '[{"tasks":'),
    fc.boolean(),
  )
  .map(([depth, open, isClosed]) => {
    const close = open === '[{"tasks":' ? '}]' : open === '[' ? ']' : '}';
    return open.repeat(depth) + (isClosed ? `1${close.repeat(depth)}` : '');
  });

/** The text with a few pieces of it cut out, doubled, or replaced. */
export function mutated(original: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat({ max: 12 }),
    by: fc.oneof(
      fc.constant(''),
      nasty,
      fc.constantFrom('"', '{', '}', '[', ']', ',', ':', '\\', '1e999', 'null'),
      fc.string({ maxLength: 4 }),
    ),
  });
  return fc.tuple(original, fc.array(change, { minLength: 1, maxLength: 4 })).map(([start, changes]) =>
    changes.reduce((now, { at, length, by }) => {
      const from = Math.floor(at * now.length);
      return now.slice(0, from) + by + now.slice(from + length);
    }, start),
  );
}

/** No line, no escape, no change of direction: a text that may stand in a log or on a terminal. */
export function isOneSafeLine(line: string): boolean {
  return !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(line);
}

export function holds(what: string, isTrue: boolean): void {
  if (!isTrue) throw new Error(`does not hold: ${what}`);
}
