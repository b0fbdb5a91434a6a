/** Words in a text, whatever their spelling, and where they stand. Each function takes time linear in its input. */
import { TRADITIONAL_CHARACTERS } from './prompt-safety-words.ts';

/**
 * One spelling for all: compatibility forms (full-width letters), accents, invisible characters, case, traditional
 * characters, kinds of blanks and hyphens. Places in it are not places in the original.
 */
export function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{Cf}\p{DI}]/gu, '')
    .toLowerCase()
    .replaceAll(TRADITIONAL, (character) => SIMPLIFIED.get(character) ?? character)
    .replaceAll(/[’‘`]/gu, "'")
    .replaceAll(/[\s\p{Cc}_‐‑·-]+/gu, ' ');
}

const [TRADITIONAL_TEXT, SIMPLIFIED_TEXT] = TRADITIONAL_CHARACTERS;
const TRADITIONAL = new RegExp(`[${TRADITIONAL_TEXT}]`, 'gu');
const SIMPLIFIED = new Map(Array.from(TRADITIONAL_TEXT, (from, i) => [from, SIMPLIFIED_TEXT[i]]));

/** A place in a text: the first character, and the one behind the last. Lists of them are in the order of the text. */
export interface Span {
  start: number;
  end: number;
}

/** Everything that `pattern` (flag `g`) matches. */
export function spans(text: string, pattern: RegExp): Span[] {
  return Array.from(text.matchAll(pattern), ({ index, 0: { length } }) => ({
    start: index,
    end: index + length,
  }));
}

export function merged(lists: readonly Span[][]): Span[] {
  return lists.flat().sort((a, b) => a.start - b.start);
}

/** Those that overlap none of the others. */
export function without(found: readonly Span[], others: readonly Span[]): Span[] {
  let next = 0;
  return found.filter(({ start, end }) => {
    while (next < others.length && (others[next] as Span).end <= start) next += 1;
    return next === others.length || (others[next] as Span).start >= end;
  });
}

/** True when one of `found` and one of `others` stand at most so many characters apart. */
export function areClose(found: readonly Span[], others: readonly Span[], within: number): boolean {
  let next = 0;
  return found.some(({ start, end }) => {
    while (next < others.length && (others[next] as Span).end + within < start) next += 1;
    return next < others.length && (others[next] as Span).start <= end + within;
  });
}
