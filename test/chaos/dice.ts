/** Chance that can be repeated: all choices of a run come from its seed. */
export interface Dice {
  /** A whole number, both ends included. */
  between: (least: number, most: number) => number;
  pick: <T>(from: readonly T[]) => T;
  shuffled: <T>(all: readonly T[]) => T[];
  /** Dice of its own for a part of the run: how often others throw changes nothing for it. */
  named: (part: string) => Dice;
}

export function diceOf(seed: string): Dice {
  const next = generatorOf(hashOf(seed));
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    between,
    pick: (from) => from[between(0, from.length - 1)] as (typeof from)[number],
    shuffled: (all) =>
      all
        .map((one) => ({ one, place: next() }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ one }) => one),
    named: (part) => diceOf(`${seed} ${part}`),
  };
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Marsaglia's xorshift32: from 0 up to, but not, 1. */
function generatorOf(seed: number): () => number {
  let state = seed === 0 ? 1 : seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
