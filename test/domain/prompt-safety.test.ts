import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isRefused, safePrompt } from '../../src/domain/prompt-safety.ts';
import { REFUSAL, SAFETY_RULES, type SafetyRule } from '../../src/domain/prompt-safety-rules.ts';
import {
  LANGUAGES,
  MEAN_SOMETHING_ELSE,
  NEGATIONS,
  TRADITIONAL_CHARACTERS,
} from '../../src/domain/prompt-safety-words.ts';
import { TASK_LIMITS } from '../../src/domain/task.ts';
import { ENGLISH } from './prompt-safety/examples-en.ts';
import { CHINESE } from './prompt-safety/examples-zh.ts';

const EXAMPLES = { en: ENGLISH, zh: CHINESE };
const EVERY_RULE: readonly SafetyRule[] = [...SAFETY_RULES, REFUSAL];

const rulesOf = (prompt: string) => safePrompt({ prompt, raw: false }).safety_rules;

describe.each(LANGUAGES)('the examples of language %s', (language) => {
  const { hits, misses, refused } = EXAMPLES[language];
  const missed = Object.values(misses).flat();

  test('are at least 30 hits, some of every rule, and 100 misses, none twice', () => {
    expect(new Set(hits.map(([prompt]) => prompt)).size).toBe(hits.length);
    expect(new Set(missed).size).toBe(missed.length);
    expect(hits.length).toBeGreaterThanOrEqual(30);
    expect(missed.length).toBeGreaterThanOrEqual(100);
    const shown = new Set(hits.flatMap(([, ...rules]) => rules));
    expect([...shown].sort()).toEqual(SAFETY_RULES.map(({ id }) => id).sort());
  });

  test.each(hits)('hit: %s', (prompt, ...rules) => {
    const constraints = SAFETY_RULES.filter(({ id }) => rules.includes(id)).map(
      ({ constraint }) => constraint[language],
    );
    expect(safePrompt({ prompt, raw: false })).toEqual({
      prompt_sent: `${prompt}\n\n${constraints.join(language === 'en' ? ' ' : '')}`,
      safety_rules: rules,
    });
    expect(safePrompt({ prompt, raw: true })).toEqual({ prompt_sent: prompt, safety_rules: [] });
    expect(isRefused(prompt)).toBe(false);
  });

  test.each(Object.entries(misses))('misses: %s', (_subject, prompts) => {
    const touched = prompts.filter(
      (prompt) => safePrompt({ prompt, raw: false }).prompt_sent !== prompt || rulesOf(prompt).length > 0,
    );
    expect([touched, prompts.filter(isRefused)]).toEqual([[], []]);
  });

  test.each(refused)('refused: %s', (prompt) => {
    expect(isRefused(prompt)).toBe(true);
  });
});

describe('spelling', () => {
  test.each([
    ['full-width letters', 'ｓｅｘｙ ｗｏｍａｎ'],
    ['capitals', 'SEXY WOMAN'],
    ['accents', 'séxy wömän'],
    ['invisible characters', 'se\u200Bx\u00ADy w\u2060oman'],
    ['underscores', 'sexy_woman'],
    ['hyphens', 'sexy-woman'],
    ['line breaks', 'a\nsexy\nwoman'],
    ['no blank before Chinese', '画一个sexy女人'],
    ['invisible characters in Chinese', '性\u200D感的女人'],
  ])('%s hide nothing', (_what, prompt) => {
    expect(rulesOf(prompt)).toEqual(['sexualised-look']);
  });

  test.each(['Ｎude　child', 'NU\u200BDE CHILD', 'nude\nchild', '裸體的小女孩', '性\u200B感的１５歲女孩'])(
    'nor from the rule that refuses: %j',
    (prompt) => {
      expect(isRefused(prompt)).toBe(true);
    },
  );
});

describe('the language of what is appended is the prompt’s', () => {
  test.each([
    ['性感 woman portrait', 'zh'],
    ['画一位 sexy 的女演员', 'zh'],
    ['Poster with the text 你好, sexy woman in a red dress', 'en'],
    ['une femme sexy', 'en'],
  ] as const)('%s: %s', (prompt, language) => {
    const [rule] = SAFETY_RULES;
    expect(safePrompt({ prompt, raw: false }).prompt_sent).toBe(`${prompt}\n\n${rule.constraint[language]}`);
  });
});

describe('what is said not to be wanted is no hit, what is said beside it is', () => {
  test.each([
    ['no text, sexy woman', ['sexualised-look']],
    ['not erotic but a nude woman', ['nudity']],
    ['no nudity, no lingerie, a glamour portrait', ['glamour']],
    ['不要文字,性感女郎', ['sexualised-look']],
    ['非常性感', ['sexualised-look']],
    ['不要sexy', []],
  ])('%s', (prompt, rules) => {
    expect(rulesOf(prompt)).toEqual(rules);
  });

  test.each([
    ['a sexy woman, no children in the picture', false],
    ['sexy poster, not suitable for children', false],
    ['no text, sexy schoolgirl', true],
    ['no clothes, a nude child', true],
    ['sexy woman of 25 years', false],
    ['a sexy 25-year-old', false],
    ['性感的二十五岁女演员', false],
    ['性感的25岁女演员', false],
  ])('%s: refused %s', (prompt, refused) => {
    expect(isRefused(prompt)).toBe(refused);
  });
});

describe('the table', () => {
  test('each rule has an id of its own and says what it recognises and why', () => {
    expect(new Set(EVERY_RULE.map(({ id }) => id)).size).toBe(EVERY_RULE.length);
    for (const { recognises, why } of EVERY_RULE) expect([recognises, why]).not.toContain('');
  });

  test('each constraint asks for clothed, non-explicit, safe for work in both languages, and trips over no rule', () => {
    for (const { constraint } of SAFETY_RULES) {
      expect(constraint.en).toMatch(/fully clothed/u);
      expect(constraint.en).toMatch(/non-explicit/u);
      expect(constraint.en).toMatch(/safe for work/u);
      for (const part of ['衣着完整', '非露骨', '适合工作场合']) expect(constraint.zh).toContain(part);
      // Also when other words stand around it, so that it is not simply recognised as a constraint.
      for (const text of Object.values(constraint)) expect(rulesOf(text.slice(1))).toEqual([]);
    }
  });

  test('no word can make a search other than linear: no quantifier but ?', () => {
    const words = LANGUAGES.flatMap((language) => [
      ...EVERY_RULE.flatMap(({ signs, unless }) => [
        ...signs[language].flatMap((sign) => [...sign.words, ...(sign.near ?? [])]),
        ...unless[language],
      ]),
      ...MEAN_SOMETHING_ELSE[language],
      ...Object.values(NEGATIONS[language]),
    ]);
    expect(words.filter((word) => /[*+{}.\\]|\(\?[!=]/u.test(word))).toEqual([]);
  });

  test('each traditional character has its simplified form', () => {
    const [traditional, simplified] = TRADITIONAL_CHARACTERS.map((text) => Array.from(text));
    expect(traditional).toHaveLength(simplified?.length ?? 0);
    expect(traditional?.filter((character, i) => character === simplified?.[i])).toEqual([]);
  });
});

describe('properties', () => {
  const fragments = Object.values(EXAMPLES).flatMap(({ hits, misses, refused }) => [
    ...hits.map(([prompt]) => prompt),
    ...Object.values(misses).flat(),
    ...refused,
  ]);
  const constraints = SAFETY_RULES.flatMap(({ constraint }) => Object.values(constraint));
  const anyPrompt = fc
    .array(
      fc.oneof(fc.constantFrom(...fragments, ...constraints, ', ', '\n\n'), fc.string({ unit: 'binary' })),
      {
        maxLength: 6,
      },
    )
    .map((parts) => parts.join(''));

  test('what was made safe stays as it is when it comes again', () => {
    fc.assert(
      fc.property(anyPrompt, (prompt) => {
        const once = safePrompt({ prompt, raw: false });
        expect(safePrompt({ prompt: once.prompt_sent, raw: false })).toEqual(once);
        expect(isRefused(once.prompt_sent)).toBe(isRefused(prompt));
      }),
    );
  });

  test('raw changes nothing; without it the prompt stands first, as written', () => {
    fc.assert(
      fc.property(anyPrompt, (prompt) => {
        expect(safePrompt({ prompt, raw: true })).toEqual({ prompt_sent: prompt, safety_rules: [] });
        const { prompt_sent, safety_rules } = safePrompt({ prompt, raw: false });
        expect(prompt_sent.startsWith(prompt)).toBe(true);
        expect(prompt_sent === prompt || safety_rules.length > 0).toBe(true);
      }),
    );
  });

  test.each([
    'A shop counter at dawn, no readable text. ',
    '流行性感冒预防海报，医院走廊。',
    'sexy ',
    'sensual thing of the woman ',
    'no nude, ',
    'not any any any sexy or ',
    'child sexy ',
    '性感少女',
    'a',
    ' - ',
    'ﷺ',
  ])('the time for a prompt of %j grows with its length, up to the longest one', (unit) => {
    const fill = (characters: number) =>
      unit.repeat(Math.ceil(characters / unit.length)).slice(0, characters);
    const [short, long] = [fill(TASK_LIMITS.promptCharacters / 8), fill(TASK_LIMITS.promptCharacters)];
    // Eight times the length: linear is 8, quadratic 64. The additive part is the clock and the machine.
    expect(fastestMs(long)).toBeLessThan(24 * fastestMs(short) + 20);
  });

  function fastestMs(prompt: string): number {
    const times = Array.from({ length: 5 }, () => {
      const started = performance.now();
      safePrompt({ prompt, raw: false });
      isRefused(prompt);
      return performance.now() - started;
    });
    return Math.min(...times);
  }
});
