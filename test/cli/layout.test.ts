import * as fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { frame } from '../../src/cli/frame.ts';
import { cut, fit, flow, lineWidth, wrap } from '../../src/cli/layout.ts';
import { paint, plain, styled } from '../../src/cli/paint.ts';
import { viewOf } from '../../src/cli/progress-view.ts';
import {
  ARTICLE_COVERS,
  completed,
  NOW,
  request,
  running,
  snapshot,
  terminal,
  wait,
} from '../support/progress-story.ts';

describe('text is cut by the columns it takes', () => {
  test.each<[string, number, string]>([
    ['short', 10, 'short'],
    ['封面-1 文生图', 13, '封面-1 文生图'],
    ['封面-1 文生图', 12, '封面-1 文生…'],
    ['封面', 3, '封…'],
    ['封面', 2, '…'],
    ['👩‍👩‍👧 family', 5, '👩‍👩‍👧 f…'],
    ['anything', 1, '…'],
    ['anything', 0, ''],
  ])('%s in %i columns is %s', (text, columns, expected) => {
    expect(cut(text, columns, '…')).toBe(expected);
  });

  test('what was cut says so, also at the seam of two styles', () => {
    const line = [styled('green', 'abcdef'), plain('ghijkl')];
    expect(paint(fit(line, 12, '…'), false)).toBe('abcdefghijkl');
    expect(paint(fit(line, 7, '…'), false)).toBe('abcdef…');
    expect(paint(fit(line, 6, '…'), false)).toBe('abcde…');
    expect(paint(fit(line, 6, '...'), false)).toBe('abc...');
  });

  test('groups stand side by side as far as they fit', () => {
    const lines = flow([[plain('one')], [plain('two')], [plain('封面封面')]], 10, '  ');
    expect(lines.map((line) => paint(line, false))).toEqual(['one  two', '封面封面']);
  });

  test('words are wrapped; a path stays whole', () => {
    expect(wrap('it is /a/very/long/path/indeed so', 10)).toEqual([
      'it is',
      '/a/very/long/path/indeed',
      'so',
    ]);
  });
});

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom(
    '封面-晨光柜台'.repeat(6),
    '\u001B[2Jevil\u202E',
    'a\nb\rc',
    '👩‍👩‍👧'.repeat(20),
    '\u0301'.repeat(50),
  ),
);

describe('a picture', () => {
  test('is never wider or higher than the terminal, whatever names and errors hold', () => {
    const columns = fc.integer({ min: 4, max: 200 });
    const rows = fc.integer({ min: 9, max: 60 });
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 12 }),
        text,
        columns,
        rows,
        (names, error, columns, rows) => {
          const tasks = names.map((name, i) =>
            i % 3 === 0
              ? completed(i + 1, name, 5, i)
              : i % 3 === 1
                ? running(i + 1, `${name} ${i}`, 400, { mode: 'edit', references: 5 })
                : { ...completed(i + 1, name, 5, i), status: 'failed' as const, error },
          );
          const live = Object.fromEntries(
            tasks.map(({ task_name, index }) => [task_name, index % 2 ? request(590, 1) : wait(9, 2, error)]),
          );
          const view = viewOf({ ...ARTICLE_COVERS, id: error }, snapshot(tasks, live), NOW);
          const lines = frame(view, terminal(columns, { rows }));
          for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
          expect(lines.length).toBeLessThan(rows);
          expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
        },
      ),
    );
  });

  test('widths of styled lines are those of their text', () => {
    expect(lineWidth([styled('red', '封面'), plain('-1')])).toBe(6);
  });
});
