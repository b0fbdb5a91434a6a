import { expect, test } from 'vitest';
import { comeBack } from '../../src/cli/come-back.ts';

test.each<[string, string[], string | null]>([
  [
    'the same input and flags, with the id',
    ['batch', 'b.json', '--size', '1536x1024'],
    'imgproof batch b.json --size 1536x1024 --batch-id id-1',
  ],
  [
    'nothing that would order anew',
    ['batch', 'b.json', '--again', '--json'],
    'imgproof batch b.json --batch-id id-1',
  ],
  [
    'an id that is given stays',
    ['batch', 'b.json', '--batch-id=mine'],
    'imgproof batch b.json --batch-id=mine',
  ],
  [
    'quotes for the shell',
    ['batch', '{"tasks": ["it\'s"]}'],
    `imgproof batch '{"tasks": ["it'\\''s"]}' --batch-id id-1`,
  ],
  ['standard input can not be named', ['batch', '-'], null],
])('the line that comes back (C4): %s', (_name, argv, expected) => {
  expect(comeBack(argv, ['--batch-id', 'id-1'])).toBe(expected);
});

test.each<[string, string[], string]>([
  ['a prompt may be a dash', ['run', '--prompt', '-'], 'imgproof run --prompt - --batch-id id-1'],
  ['Chinese names need no quotes', ['batch', '封面.json'], 'imgproof batch 封面.json --batch-id id-1'],
])('the line that comes back (C4): %s', (_name, argv, expected) => {
  expect(comeBack(argv, ['--batch-id', 'id-1'])).toBe(expected);
});
