import { expect, test } from 'vitest';
import { comeBack, stopIt, watchAgain } from '../../src/cli/come-back.ts';

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
  [
    'line breaks stay line breaks',
    ['run', '--prompt', "a\n'b'"],
    String.raw`imgproof run --prompt $'a\n\'b\'' --batch-id id-1`,
  ],
])('the line that comes back (C4): %s', (_name, argv, expected) => {
  expect(comeBack(argv, ['--batch-id', 'id-1'])).toBe(expected);
});

test.each<[string, string[], string]>([
  ['a prompt may be a dash', ['run', '--prompt', '-'], 'imgproof run --prompt - --batch-id id-1'],
  ['Chinese names need no quotes', ['batch', '封面.json'], 'imgproof batch 封面.json --batch-id id-1'],
])('the line that comes back (C4): %s', (_name, argv, expected) => {
  expect(comeBack(argv, ['--batch-id', 'id-1'])).toBe(expected);
});

test.each<[string, string[], string]>([
  ['at the embedded server', ['batch', 'b.json'], ''],
  [
    'at the server of the flags, the last of each',
    ['batch', 'b.json', '--address', 'a:1', '--namespace=art', '--address', 'b:2'],
    ' --address b:2 --namespace=art',
  ],
  ['at the server of a profile', ['run', '--profile', 'my cloud'], " --profile 'my cloud'"],
])('the lines that show an order again and stop it (C4): %s', (_name, argv, flags) => {
  expect(watchAgain(argv, 'id-1')).toBe(`imgproof watch id-1${flags}`);
  expect(stopIt(argv, 'id-1')).toBe(`imgproof cancel id-1${flags}`);
});
