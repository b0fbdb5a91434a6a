/** Random sequences of operations, as many as the issue asks for; the suite plays a dozen. */
import { test } from 'vitest';
import { tellAndPlay } from '../model/play-many.ts';

test('500 random sequences of operations on running batches', async () => {
  await tellAndPlay(Number(process.env['MODEL_STORIES'] ?? 500));
}, 1_800_000);
