/**
 * Prompt safety (SPEC G6): what is refused, what is appended, and what is sent. Pure, and linear in the prompt's length.
 * The table is `prompt-safety-rules.ts`; the request fingerprint knows nothing of it (it hashes the prompt as written).
 */
import {
  REFUSAL,
  SAFETY_RULES,
  type SafetyRule,
  type SafetyRuleId,
  type Sign,
} from './prompt-safety-rules.ts';
import {
  type Language,
  LANGUAGES,
  MEAN_SOMETHING_ELSE,
  NEGATIONS,
  type PerLanguage,
} from './prompt-safety-words.ts';
import { areClose, folded, merged, type Span, spans, without } from './word-search.ts';

/** What goes out for a prompt, and why it differs from what was written. */
export interface SafePrompt {
  prompt_sent: string;
  /** Rules whose constraint the prompt carries when it is sent, in the order of the table. */
  safety_rules: SafetyRuleId[];
}

/** `raw` leaves the prompt unchanged. A prompt that was made safe before stays as it is. */
export function safePrompt({ prompt, raw }: { prompt: string; raw: boolean }): SafePrompt {
  if (raw) return { prompt_sent: prompt, safety_rules: [] };
  const own = withoutConstraints(prompt);
  const text = new ReadPrompt(own);
  const rules = SAFETY_RULES.filter((rule) => text.shows(rule));
  const language = languageOf(own);
  const constraints = rules.map(({ constraint }) => constraint[language]);
  const missing = constraints.filter((constraint) => !prompt.includes(constraint));
  return {
    prompt_sent: missing.length === 0 ? prompt : `${prompt}\n\n${missing.join(language === 'en' ? ' ' : '')}`,
    safety_rules: rules.map(({ id }) => id),
  };
}

/** True when policy refuses this prompt, with and without `raw`: it sexualises minors. */
export function isRefused(prompt: string): boolean {
  return new ReadPrompt(withoutConstraints(prompt)).shows(REFUSAL);
}

const CONSTRAINTS = SAFETY_RULES.flatMap(({ constraint }) => Object.values(constraint));

/** What was appended before says nothing about the prompt itself. */
function withoutConstraints(prompt: string): string {
  return CONSTRAINTS.reduce((text, constraint) => text.replaceAll(constraint, ''), prompt);
}

/** Chinese when there are at least as many Chinese characters as Latin words. */
function languageOf(prompt: string): Language {
  const characters = prompt.match(/\p{Script=Han}/gu)?.length ?? 0;
  const words = prompt.match(/\p{Script=Latin}+/gu)?.length ?? 0;
  return characters > 0 && characters >= words ? 'zh' : 'en';
}

/** A prompt with the words of the table found in it: where they stand, and whether they are meant. */
class ReadPrompt {
  readonly #text: string;
  /** Where any word of any sign stands. Most prompts have none: then there is nothing more to search. */
  readonly #words: PerLanguage<Span[]>;
  readonly #elsewhere: Span[];
  readonly #unwanted: Span[];

  constructor(prompt: string) {
    this.#text = folded(prompt);
    this.#words = perLanguage((language) => spans(this.#text, EVERY_WORD[language]));
    const languages = LANGUAGES.filter((language) => this.#words[language].length > 0);
    this.#elsewhere = merged(languages.map((language) => spans(this.#text, ELSEWHERE[language])));
    this.#unwanted = merged(languages.map((language) => this.#negated(language)));
  }

  shows(rule: SafetyRule): boolean {
    const { signs, unless } = COMPILED.get(rule) as CompiledRule;
    const isShown = LANGUAGES.some(
      (language) => this.#words[language].length > 0 && signs[language].some((sign) => this.#isShown(sign)),
    );
    return isShown && !LANGUAGES.some((language) => unless[language].test(this.#text));
  }

  #isShown({ words, near, within }: CompiledSign): boolean {
    const meant = without(without(spans(this.#text, words), this.#elsewhere), this.#unwanted);
    if (near === null || meant.length === 0) return meant.length > 0;
    const others = without(spans(this.#text, near), this.#elsewhere);
    return areClose(
      meant,
      others.filter((span) => !this.#isBehindNegator(span)),
      within,
    );
  }

  /** Words that the prompt says it does not want, and the further items of such a list. */
  #negated(language: Language): Span[] {
    const negated: Span[] = [];
    for (const span of this.#words[language]) {
      const before = negated.at(-1);
      const gap = before === undefined ? null : this.#text.slice(before.end, span.start);
      const isListed = gap !== null && gap.length <= LOOK_BACK_CHARACTERS && JOINS[language].test(gap);
      if (isListed || this.#isBehindNegator(span)) negated.push(span);
    }
    return negated;
  }

  #isBehindNegator({ start }: Span): boolean {
    const before = this.#text.slice(Math.max(0, start - LOOK_BACK_CHARACTERS), start);
    return LANGUAGES.some((language) => NEGATOR[language].test(before));
  }
}

/** Longer than any negator with its fillers. */
const LOOK_BACK_CHARACTERS = 60;

// --- the table as patterns -------------------------------------------------------------------------------------------

interface CompiledSign {
  words: RegExp;
  near: RegExp | null;
  within: number;
}

interface CompiledRule {
  signs: PerLanguage<CompiledSign[]>;
  unless: PerLanguage<RegExp>;
}

const EVERY_RULE: readonly SafetyRule[] = [...SAFETY_RULES, REFUSAL];

const COMPILED = new Map(EVERY_RULE.map((rule): [SafetyRule, CompiledRule] => [rule, compiledRule(rule)]));

const EVERY_WORD = perLanguage((language) => {
  const words = EVERY_RULE.flatMap((rule) => rule.signs[language].flatMap((sign) => sign.words));
  return wordPattern(words, language);
});

const ELSEWHERE = perLanguage((language) => wordPattern(MEAN_SOMETHING_ELSE[language], language));

/** Ends where a word begins. English words have bounds, Chinese ones none. */
const NEGATOR: PerLanguage<RegExp> = {
  en: new RegExp(`(?:^|[^a-z0-9])(?:${NEGATIONS.en.negators})(?: (?:${NEGATIONS.en.filler})){0,3} ?$`, 'u'),
  zh: new RegExp(`(?:${NEGATIONS.zh.negators})(?:${NEGATIONS.zh.filler}){0,3} ?$`, 'u'),
};

/** All that stands between two items of a list. */
const JOINS: PerLanguage<RegExp> = {
  en: new RegExp(`^(?: ?(?:${NEGATIONS.en.joins})(?![a-z0-9])){1,5} ?$`, 'u'),
  zh: new RegExp(`^(?:${NEGATIONS.zh.joins}){0,5}$`, 'u'),
};

function compiledRule(rule: SafetyRule): CompiledRule {
  return {
    signs: perLanguage((language) => rule.signs[language].map((sign) => compiledSign(sign, language))),
    // Without the flag `g`, with which `test` would remember where it stopped.
    unless: perLanguage((language) => wordPattern(rule.unless[language], language, 'u')),
  };
}

function compiledSign({ words, near, within = 0 }: Sign, language: Language): CompiledSign {
  const others = near === undefined ? null : wordPattern(near, language);
  return { words: wordPattern(words, language), near: others, within };
}

/** Whole words in English, any place in Chinese. No words match nothing. */
function wordPattern(words: readonly string[], language: Language, flags = 'gu'): RegExp {
  if (words.length === 0) return new RegExp('(?!)', flags);
  const anyOf = `(?:${words.join('|')})`;
  return new RegExp(language === 'en' ? `(?<![a-z0-9])${anyOf}(?![a-z0-9])` : anyOf, flags);
}

function perLanguage<T>(make: (language: Language) => T): PerLanguage<T> {
  return { en: make('en'), zh: make('zh') };
}
