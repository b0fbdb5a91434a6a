import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  batchHash,
  canonicalJson,
  defaultBatchId,
  keyProblem,
  proofIndexName,
  requestFingerprint,
  shorten,
  taskKeys,
  utf8Bytes,
} from '../../src/domain/ids.ts';
import type { NormalizedTask } from '../../src/domain/task.ts';
import { growth, QUADRATIC } from '../support/growth.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

const TASK: NormalizedTask = {
  task_name: 'cover',
  prompt: 'a shop counter at dawn',
  raw: false,
  mode: 'edit',
  provider: 'happy',
  model: 'gpt-image-2',
  size: '1024x1024',
  options: { quality: 'high' },
  input_images: ['/in/a.png', '/in/b.png'],
  timeout_ms: 600_000,
  task_timeout_ms: null,
  on_unknown: 'retry',
  max_attempts: 3,
  retry_base_delay_ms: 8_000,
  retry_max_delay_ms: 45_000,
  retry_jitter_ms: 5_000,
  output_dir: '/out',
};
const REFERENCES = [{ sha256: 'a'.repeat(64) }, { sha256: 'b'.repeat(64) }];

describe('canonical JSON (RFC 8785)', () => {
  test('is what the canonicalize package makes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(value)).toBe(canonicalize(value));
      }),
      { numRuns: 2000 },
    );
  });

  test('sorts members by UTF-16 code units, at any depth', () => {
    const value = {
      '\u20ac': 1,
      '\r': 2,
      '\ufb33': 3,
      '1': 4,
      '\u{1f600}': 5,
      '\u0080': 6,
      ö: { b: 1, a: 2 },
    };
    expect(canonicalJson(value)).toBe(canonicalize(value));
  });

  test('leaves out undefined members', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
  });

  test.each([
    ['infinity', Number.POSITIVE_INFINITY],
    ['not a number', Number.NaN],
    ['undefined', undefined],
    ['a function', () => 1],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a name', { '\ud800': 1 }],
  ])('throws on %s', (_, value) => {
    expect(() => canonicalJson([value])).toThrow(TypeError);
  });
});

describe('the request fingerprint (SPEC words)', () => {
  const fingerprint = (task: NormalizedTask, references = REFERENCES) =>
    requestFingerprint(task, references, sha256);

  test.each<[string, Partial<NormalizedTask>]>([
    ['provider', { provider: 'other' }],
    ['model', { model: 'gpt-image-1' }],
    ['mode', { mode: 'generation' }],
    ['prompt', { prompt: 'a shop counter at dawn ' }],
    ['raw', { raw: true }],
    ['size', { size: 'auto' }],
    ['quality', { options: { quality: 'low' } }],
    ['an option that is not set', { options: {} }],
    ['background', { options: { quality: 'high', background: 'opaque' } }],
    ['output_format', { options: { quality: 'high', output_format: 'webp' } }],
    ['output_compression', { options: { quality: 'high', output_compression: 50 } }],
    ['moderation', { options: { quality: 'high', moderation: 'low' } }],
  ])('changes with %s', (_, change) => {
    expect(fingerprint({ ...TASK, ...change })).not.toBe(fingerprint(TASK));
  });

  test('changes with the content, number and order of references', () => {
    const [a, b] = REFERENCES as [{ sha256: string }, { sha256: string }];
    const all = [[a, b], [b, a], [a], [a, { sha256: 'c'.repeat(64) }], []].map((list) =>
      fingerprint(TASK, list),
    );
    expect(new Set(all).size).toBe(all.length);
  });

  test.each<[string, Partial<NormalizedTask>]>([
    ['the name', { task_name: 'other' }],
    ['the key', { task_key: 'k' }],
    ['paths of references', { input_images: ['/elsewhere/a.png', '/elsewhere/b.png'] }],
    ['the output folder', { output_dir: '/elsewhere' }],
    ['the timeout', { timeout_ms: 1 }],
    ['the time of the whole task', { task_timeout_ms: 1 }],
    ['what follows an unknown outcome', { on_unknown: 'hold' }],
    ['attempts', { max_attempts: 5 }],
    ['delays', { retry_base_delay_ms: 1, retry_max_delay_ms: 1, retry_jitter_ms: 1 }],
  ])('does not change with %s', (_, change) => {
    expect(fingerprint({ ...TASK, ...change })).toBe(fingerprint(TASK));
  });
});

describe('the batch hash and id (SPEC B6, H4)', () => {
  const hash = (...tasks: NormalizedTask[]) => batchHash(tasks, sha256);

  test('does not change with output paths', () => {
    expect(hash({ ...TASK, output_dir: '/elsewhere' })).toBe(hash(TASK));
  });

  test.each<[string, Partial<NormalizedTask>]>([
    ['a prompt', { prompt: 'other' }],
    ['a name', { task_name: 'other' }],
    ['a given key', { task_key: 'k' }],
    ['a reference path', { input_images: ['/in/a.png'] }],
    ['the provider', { provider: 'other' }],
    ['the model', { model: 'other' }],
    ['the time of the whole task', { task_timeout_ms: 600_000 }],
    ['what follows an unknown outcome', { on_unknown: 'once' }],
  ])('changes with %s', (_, change) => {
    expect(hash({ ...TASK, ...change })).not.toBe(hash(TASK));
  });

  test('of a file without fields that came later is what it always was', () => {
    expect(hash(TASK)).toBe('891da61e14004d9c9f6e209cbdf45fe59c27767f6a8c764f125b45ae084005b3');
  });

  test('changes with the order of tasks', () => {
    const other = { ...TASK, prompt: 'other' };
    expect(hash(TASK, other)).not.toBe(hash(other, TASK));
  });

  test('the default id is the name and ten hex digits, cut when too long', () => {
    expect(defaultBatchId('covers', 'abcdef0123456789', sha256)).toBe('covers-abcdef0123');
    expect(utf8Bytes(defaultBatchId('封'.repeat(100), 'abcdef0123456789', sha256))).toBeLessThanOrEqual(200);
  });

  test('a proof belongs to batch id and key', () => {
    const names = [
      ['a', 'b'],
      ['b', 'a'],
      [null, 'ab'],
      ['ab', ''],
      [null, 'b'],
    ] as const;
    const all = names.map(([batchId, key]) => proofIndexName(batchId, key, sha256));
    expect(new Set(all).size).toBe(all.length);
    expect(all[0]).toMatch(/^[0-9a-f]{64}\.json$/u);
  });
});

describe('task keys (SPEC B5)', () => {
  test.each([
    ['a', null],
    ['封'.repeat(66), null],
    ['x'.repeat(200), null],
    ['a b/c:d?é', null],
    ['', /0 bytes/u],
    ['x'.repeat(201), /201 bytes/u],
    ['封'.repeat(67), /201 bytes/u],
    ['a\nb', /control character/u],
    ['a\u0085b', /control character/u],
    ['e\u0301', /NFC/u],
    ['my-batch', /batch id/u],
  ])('%j', (key, problem) => {
    const found = keyProblem(key, 'my-batch');
    if (problem === null) expect(found).toBeNull();
    else expect(found).toMatch(problem);
  });

  const keys = (...tasks: { task_name: string; task_key?: string }[]) => taskKeys('b', tasks, sha256);

  test('are batch id and name; the same name again gets -2, -3', () => {
    const named = (task_name: string) => ({ task_name });
    expect(keys(named('a'), named('a'), named('c'), named('a'))).toEqual(['b/a', 'b/a-2', 'b/c', 'b/a-3']);
    expect(keys(named('a'), named('a'), named('a-2'))).toEqual(['b/a', 'b/a-2', 'b/a-2-2']);
    expect(keys(named('a-2'), named('a'), named('a'))).toEqual(['b/a-2', 'b/a', 'b/a-3']);
  });

  test('a given key stands, and a derived one gives way to it', () => {
    expect(keys({ task_name: 'a' }, { task_name: 'x', task_key: 'b/a' })).toEqual(['b/a-2', 'b/a']);
    expect(keys({ task_name: 'a', task_key: 'k' }, { task_name: 'a', task_key: 'k' })).toEqual(['k', 'k']);
  });

  test('derived keys are usable and different, whatever the names are', () => {
    const names = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('a', 'a-2', 'a-2-2')), {
      maxLength: 12,
    });
    const batchIds = fc.constantFrom('b', '封'.repeat(66), 'x'.repeat(200));
    fc.assert(
      fc.property(batchIds, names, (batchId, taskNames) => {
        const made = taskKeys(
          batchId,
          taskNames.map((task_name) => ({ task_name })),
          sha256,
        );
        expect(new Set(made).size).toBe(taskNames.length);
        expect(made.map((key) => keyProblem(key, batchId))).toEqual(made.map(() => null));
      }),
    );
  });

  test('a key over 200 bytes is cut between characters and hashed', () => {
    for (const character of ['x', 'é', '封', '😀']) {
      const [a, b] = [
        shorten(`${character.repeat(300)}1`, sha256),
        shorten(`${character.repeat(300)}2`, sha256),
      ];
      expect(a).not.toBe(b);
      expect(a).toMatch(new RegExp(`^(?:${character})+-[0-9a-f]{10}$`, 'u'));
      expect(utf8Bytes(a)).toBeGreaterThan(200 - utf8Bytes(character));
      expect(utf8Bytes(a)).toBeLessThanOrEqual(200);
    }
    expect(shorten('x'.repeat(200), sha256)).toBe('x'.repeat(200));
  });

  test('ten thousand equal names are named in time that grows as their number does', () => {
    const named = (count: number) =>
      taskKeys(
        'b',
        Array.from({ length: count }, () => ({ task_name: 'a' })),
        sha256,
      );
    expect(growth([250, 2_000], named)).toBeLessThan(QUADRATIC);
    expect(named(10_000).at(-1)).toBe('b/a-10000');
  });

  test('a name of a megabyte is shortened in time that grows as it does', () => {
    const shortened = (characters: number) => shorten('封'.repeat(characters), sha256);
    expect(utf8Bytes(shortened(350_000))).toBeLessThanOrEqual(200);
    expect(growth([43_750, 350_000], shortened)).toBeLessThan(QUADRATIC);
  });

  test('bytes are counted as UTF-8 has them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8Bytes(text)).toBe(Buffer.byteLength(text));
      }),
    );
  });
});
