/** `npm run tamper`: as many changes as the issue asks for; the suite plays a few. `TAMPER_SEED=n` plays the same again. */
import { test } from 'vitest';
import { playTamper } from '../tamper/play.ts';

test('2,000 changed bytes and 200 moves', async () => {
  const seed = Number(process.env['TAMPER_SEED'] ?? Date.now() % 2 ** 31);
  await playTamper({ seed, flips: 2_000, moves: 200 });
}, 1_800_000);
