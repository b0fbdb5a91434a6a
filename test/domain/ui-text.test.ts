import { describe, expect, test } from 'vitest';
import { utf8Bytes } from '../../src/domain/ids.ts';
import {
  batchTexts,
  cutToBytes,
  plain,
  promptStart,
  taskTexts,
  ticketSummary,
  workflowLink,
} from '../../src/domain/ui-text.ts';

describe('texts are cut by bytes (T2)', () => {
  test.each([
    ['short', 10, 'short'],
    ['exactly ten', 11, 'exactly ten'],
    ['longer than ten', 10, 'longer…'],
    ['封面封面封面', 18, '封面封面封面'],
    ['封面封面封面', 17, '封面封面…'],
    ['🦊🦊🦊', 11, '🦊🦊…'],
  ])('%s in %i bytes is %s', (text, bytes, cut) => {
    expect(cutToBytes(text, bytes)).toBe(cut);
    expect(utf8Bytes(cutToBytes(text, bytes))).toBeLessThanOrEqual(bytes);
  });

  test('a summary has at most 200 bytes and details 20 KB, whatever is ordered', () => {
    const long = {
      prompt: '雨'.repeat(32_000),
      task_name: '名'.repeat(200),
      model: '模'.repeat(64),
      provider: 'p',
    };
    const index = 400;
    const ticket = { ...long, index, mode: 'edit' } as unknown as Parameters<typeof ticketSummary>[0];
    const texts = [batchTexts({ tasks: Array.from({ length: 400 }, () => long) }), taskTexts(long)];
    for (const { staticSummary, staticDetails } of texts) {
      expect(utf8Bytes(staticSummary)).toBeLessThanOrEqual(200);
      expect(utf8Bytes(staticDetails)).toBeLessThanOrEqual(20_000);
    }
    expect(utf8Bytes(ticketSummary(ticket))).toBeLessThanOrEqual(200);
  });
});

describe('what a batch says of itself', () => {
  const task = (prompt: string) => ({
    prompt,
    task_name: prompt.slice(0, 3),
    provider: 'happy',
    model: 'gpt-image-2',
  });

  test('how many, how many at a time, made by what', () => {
    const { staticSummary } = batchTexts({ max_workers: 2, tasks: [task('one'), task('two')] });
    expect(staticSummary).toBe('2 images · 2 at a time · happy/gpt-image-2');
  });

  test('nothing that only its worker knows', () => {
    expect(batchTexts({ tasks: [{ prompt: 'one' }] }).staticSummary).toBe('1 image');
  });

  test('the first tasks by name and the start of their prompt', () => {
    const tasks = Array.from({ length: 7 }, (_, i) => task(`number ${i + 1}`));
    const { staticDetails } = batchTexts({ tasks });
    expect(staticDetails.match(/“number/gu)).toHaveLength(5);
    expect(staticDetails).toContain('and 2 more');
  });
});

test('a task alone says its mode, size and prompt', () => {
  expect(taskTexts({ prompt: 'a\ncat', size: '1024x1024' }).staticSummary).toBe(
    'text2img 文生图 · 1024x1024 · a cat',
  );
  expect(taskTexts({ prompt: 'a cat', image: 'x.png' }).staticSummary).toBe('img2img 参考图生图 · a cat');
});

test('the start of a prompt is one line', () => {
  expect(promptStart(' a\n\tcat\u0007 on a  sill')).toBe('a cat on a sill');
});

test("somebody's words have no effect as markdown", () => {
  expect(plain('a | b\n# [x](http://y) <b>*')).toBe(String.raw`a \| b \# \[x\]\(http://y\) \<b\>\*`);
  expect(workflowLink('a|b', '批/a b')).toBe(
    String.raw`[a\|b](/namespaces/{namespace}/workflows/%E6%89%B9%2Fa%20b)`,
  );
});
