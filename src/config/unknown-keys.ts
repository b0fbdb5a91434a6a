import { distance } from 'fastest-levenshtein';
import type { JsonObject } from '../host/config-file.ts';

/** One text for each key that nobody knows, with the one that was probably meant. */
export function unknownKeys(object: JsonObject, known: readonly string[], prefix: string): string[] {
  return Object.keys(object).flatMap((key) => {
    if (known.includes(key)) return [];
    const close = closeTo(key, known);
    const hint = close === undefined ? `known are ${known.join(', ')}` : `did you mean "${close}"?`;
    return [`unknown key ${JSON.stringify(prefix + key.slice(0, 40))}; ${hint}`];
  });
}

/** The known key that was probably meant. */
export function closeTo(key: string, known: readonly string[]): string | undefined {
  return known.find((word) => distance(key.slice(0, 40).toLowerCase(), word.toLowerCase()) <= 2);
}
