import { test } from 'vitest';
import { playTamper } from './play.ts';

test('changed bytes, deleted and swapped files and lines of a signed batch are all noticed (P3)', async () => {
  await playTamper({ seed: 7, flips: 80, moves: 25 });
}, 120_000);
