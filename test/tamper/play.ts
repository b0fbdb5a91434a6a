/** Plays changes of a batch that a real worker signed, and tells of each kind how many were noticed. */
import { renameSync } from 'node:fs';
import { expect } from 'vitest';
import { diceOf } from '../chaos/dice.ts';
import { copyOf, signedBatch, trusted } from '../support/signed-batch.ts';
import { startSystem } from '../support/system.ts';
import { flip, KINDS, move, MOVES, stageOf, type Tally } from './tamper.ts';

export interface Plan {
  seed: number;
  flips: number;
  moves: number;
}

/** Ends with an assertion: each one was noticed. */
export async function playTamper({ seed, flips, moves }: Plan): Promise<void> {
  const system = await startSystem('time-skipping');
  try {
    const batch = await signedBatch(system, 'tampered');
    const copy = copyOf(batch);
    // A reviewer has no originals: with them, an image that is missing in the copy would be found at its recorded place.
    renameSync(batch.outputDir, `${batch.outputDir}-gone`);
    const stage = await stageOf(copy, await trusted(batch.keys));
    const dice = diceOf(String(seed));
    const tallies = [
      ...(await inTurn(KINDS, flips, (kind) => flip(stage, kind, dice))),
      ...(await inTurn(Object.keys(MOVES), moves, (name) => move(stage, name, dice))),
    ];
    process.stdout.write(`${tableOf(tallies, { seed, flips, moves })}\n`);
    expect(tallies.flatMap(({ kind, missed }) => missed.map((where) => `${kind}: ${where}`))).toEqual([]);
  } finally {
    await system.stop();
  }
}

/** So many in all, the kinds one after another. */
async function inTurn(
  kinds: readonly string[],
  count: number,
  play: (kind: string) => Promise<string | null>,
): Promise<Tally[]> {
  const tallies = kinds.map((kind): Tally => ({ kind, played: 0, missed: [] }));
  for (let n = 0; n < count; n += 1) {
    const tally = tallies[n % tallies.length] as Tally;
    const missed = await play(tally.kind);
    tally.played += 1;
    if (missed !== null) tally.missed.push(missed);
  }
  return tallies;
}

function tableOf(tallies: readonly Tally[], { seed, flips, moves }: Plan): string {
  const lines = tallies.map(
    ({ kind, played, missed }) =>
      `  ${kind.padEnd(22)} ${String(played - missed.length).padStart(5)} of ${played} noticed`,
  );
  const missed = tallies.reduce((sum, tally) => sum + tally.missed.length, 0);
  const share = ((1 - missed / (flips + moves)) * 100).toFixed(missed === 0 ? 0 : 2);
  return `seed ${seed}\n${lines.join('\n')}\n${flips} bytes changed, ${moves} files or lines moved: ${share} % noticed`;
}
