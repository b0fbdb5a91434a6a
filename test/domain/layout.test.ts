import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attemptFolder, safeName, taskFolder, timestamp } from '../../src/domain/layout.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const safe = (name: string) => safeName(name, sha256);

/** Names as people and attackers write them. */
const anyName = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.stringMatching(/^[.\-_A-Za-z0-9 /\\:]{0,90}$/u),
  fc
    .tuple(
      fc.constantFrom('con', 'PRN', 'aux', 'Nul', 'com1', 'LPT9', 'a', 'É', 'é', 'ß', 'ss'),
      fc.constantFrom('', '.', '.txt', '.tar.gz', ' ', '!', '-'),
    )
    .map((parts) => parts.join('')),
);

/** What a file system that folds case and normalises makes of a name. */
const folded = (name: string) => name.normalize('NFC').toLowerCase();

describe('file names from users (DESIGN 6)', () => {
  test('different names stay different, also on a file system that folds case and normalises', () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        fc.pre(a !== b);
        expect(folded(safe(a))).not.toBe(folded(safe(b)));
      }),
      { numRuns: 2000 },
    );
  });

  test('a name in another case is a different name', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9._-]{1,60}$/u), (name) => {
        fc.pre(name !== name.toUpperCase());
        expect(folded(safe(name))).not.toBe(folded(safe(name.toUpperCase())));
      }),
    );
  });

  test('every name is one harmless path component of at most 80 bytes', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const made = safe(name);
        expect(made).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/u);
        expect(made).not.toMatch(/\.$/u);
        expect(Buffer.byteLength(made)).toBeLessThanOrEqual(80);
        expect(safe(name)).toBe(made);
      }),
      { numRuns: 2000 },
    );
  });

  test('no name is a device of Windows, whatever follows its first dot', () => {
    fc.assert(
      fc.property(anyName, fc.constantFrom('', '-20261124-150231.png'), (name, suffix) => {
        expect(`${safe(name)}${suffix}`.split('.')[0]).not.toMatch(/^(?:con|prn|aux|nul|com\d|lpt\d)$/iu);
      }),
      { numRuns: 2000 },
    );
    expect(safe('con.txt')).toMatch(/^task-con\.txt-[0-9a-f]{8}$/u);
  });

  test.each([
    ['cover-1', 'cover-1'],
    ['a_b.c-d', 'a_b.c-d'],
    ['x'.repeat(60), 'x'.repeat(60)],
  ])('%s is left as it is', (name, expected) => {
    expect(safe(name)).toBe(expected);
  });

  test.each([
    ['Cover', /^Cover-[0-9a-f]{8}$/u],
    ['../../etc/passwd', /^etc-passwd-[0-9a-f]{8}$/u],
    ['.hidden', /^hidden-[0-9a-f]{8}$/u],
    ['-rf', /^rf-[0-9a-f]{8}$/u],
    ['封面', /^task-[0-9a-f]{8}$/u],
    ['', /^task-[0-9a-f]{8}$/u],
    ['x'.repeat(61), /^x{60}-[0-9a-f]{8}$/u],
  ])('%s is changed and says so by a hash', (name, expected) => {
    expect(safe(name)).toMatch(expected);
  });
});

describe('folders and times (SPEC F2, F3, H4)', () => {
  test('timestamps are UTC', () => {
    expect(timestamp(Date.UTC(2026, 10, 24, 5, 6, 7, 999))).toBe('20261124-050607');
  });

  test.each([
    [1, 4, '01-a'],
    [12, 99, '12-a'],
    [7, 100, '007-a'],
    [10_000, 10_000, '10000-a'],
  ])('task %i of %i', (index, total, expected) => {
    expect(taskFolder(index, total, 'a')).toBe(expected);
  });

  test('attempts are numbered with two digits', () => {
    expect([attemptFolder(1), attemptFolder(12)]).toEqual(['attempt-01', 'attempt-12']);
  });
});
