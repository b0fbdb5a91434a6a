import { describe, expect, test } from 'vitest';
import { canMove, lookOf, prefersPlain } from '../../src/cli/terminal.ts';

const TERMINAL = { isTTY: true, columns: 100, rows: 40 };
const PIPE = { isTTY: false, columns: 0, rows: 0 };
const UTF8 = { TERM: 'xterm-256color', LANG: 'zh_CN.UTF-8' };

describe('no escape sequence without a terminal that wants them (C2)', () => {
  test.each<[string, typeof TERMINAL, Record<string, string>, boolean]>([
    ['a terminal', TERMINAL, UTF8, true],
    ['a pipe', PIPE, UTF8, false],
    ['NO_COLOR', TERMINAL, { ...UTF8, NO_COLOR: '1' }, false],
    ['an empty NO_COLOR says nothing', TERMINAL, { ...UTF8, NO_COLOR: '' }, true],
    ['TERM=dumb', TERMINAL, { ...UTF8, TERM: 'dumb' }, false],
    ['FORCE_COLOR does not reach a pipe', PIPE, { ...UTF8, FORCE_COLOR: '1' }, false],
  ])('%s', (_name, stream, env, colour) => {
    expect(lookOf(stream, env).colour).toBe(colour);
  });

  test.each<[string, typeof TERMINAL, Record<string, string>, boolean]>([
    ['a terminal is drawn on', TERMINAL, UTF8, true],
    ['not in a pipe', PIPE, UTF8, false],
    ['not with TERM=dumb', TERMINAL, { ...UTF8, TERM: 'dumb' }, false],
    ['not with NO_COLOR', TERMINAL, { ...UTF8, NO_COLOR: '1' }, false],
    ['not on a build server', TERMINAL, { ...UTF8, CI: 'true' }, false],
    ['CI=false is none', TERMINAL, { ...UTF8, CI: 'false' }, true],
  ])('--progress auto: %s', (_name, stream, env, drawn) => {
    expect(canMove(stream, env) && !prefersPlain(env)).toBe(drawn);
  });
});

describe('the locale decides on symbols', () => {
  test.each<[string, Record<string, string>, boolean]>([
    ['LANG', { LANG: 'en_US.UTF-8' }, true],
    ['utf8 without dash', { LC_CTYPE: 'zh_CN.utf8' }, true],
    ['LC_ALL wins', { LC_ALL: 'C', LANG: 'en_US.UTF-8' }, false],
    ['an empty LC_ALL says nothing', { LC_ALL: '', LANG: 'en_US.UTF-8' }, true],
    ['GBK', { LANG: 'zh_CN.GBK' }, false],
    ['none is the C locale', {}, false],
  ])('%s', (_name, env, unicode) => {
    expect(lookOf(TERMINAL, env).unicode).toBe(unicode);
  });
});

test('a pipe limits no line, a terminal that does not tell its size has 80 columns', () => {
  expect(lookOf(PIPE, {}).columns).toBe(Infinity);
  expect(lookOf({ isTTY: true, columns: 0, rows: 0 }, {})).toMatchObject({ columns: 80, rows: 24 });
});
