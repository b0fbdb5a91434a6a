/** Changes to a signed batch, one at a time, and whether `verify` notices (`npm run tamper`). */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { FILES } from '../../src/domain/layout.ts';
import type { TrustedKeys } from '../../src/proof/dsse.ts';
import { type VerifyOptions, verifyPaths } from '../../src/proof/verify.ts';
import type { Dice } from '../chaos/dice.ts';
import { type BatchCopy, filesUnder } from '../support/signed-batch.ts';

/** What evidence covers, by kind of file; of each kind every byte. The rest is for people and says so in docs/proof.md. */
const COVERED: Record<string, RegExp> = {
  image: /\.(?:png|jpe?g|webp)$/u,
  'result.json': /\d-[\w-]+\/result\.json$/u,
  'request.json': /attempt-\d+\/request\.json$/u,
  'attempt result.json': /attempt-\d+\/result\.json$/u,
  'result.dsse.json': /\/result\.dsse\.json$/u,
  'manifest.jsonl': /\/manifest\.jsonl$/u,
  'manifest.dsse.json': /\/manifest\.dsse\.json$/u,
  'batch_result.json': /\/batch_result\.json$/u,
  'batch_request.json': /\/batch_request\.json$/u,
};

export interface Tally {
  kind: string;
  played: number;
  missed: string[];
}

interface Stage {
  copy: BatchCopy;
  options: VerifyOptions;
  /** Verdict and broken rules of the whole batch before anything is changed. */
  untouched: string;
  files: Map<string, string[]>;
}

export async function stageOf(copy: BatchCopy, keys: TrustedKeys): Promise<Stage> {
  // As a reviewer asks who holds the worker's key.
  const options: VerifyOptions = { keys, required: ['signature'] };
  const all = [...new Set([...filesUnder(copy.batchDir), ...copy.images])];
  const delivered = copy.runs.slice(0, copy.images.length);
  // A failed attempt has no signature of its own: its words stand in the signed result.json.
  const isCovered = (path: string) =>
    !path.includes('/attempt-') || delivered.some((run) => path.startsWith(`${run}/`));
  const files = new Map(
    Object.entries(COVERED).map(([kind, name]) => [
      kind,
      all.filter((path) => name.test(path) && isCovered(path)),
    ]),
  );
  return { copy, options, untouched: await verdictOf(copy, options), files };
}

/** One byte of one file is another one. */
export async function flip(stage: Stage, kind: string, dice: Dice): Promise<string | null> {
  const files = stage.files.get(kind) as string[];
  const path = files[dice.between(0, files.length - 1)] as string;
  const whole = readFileSync(path);
  const at = dice.between(0, whole.length - 1);
  const changed = Buffer.from(whole);
  changed.writeUInt8(changed.readUInt8(at) ^ dice.between(1, 255), at);
  writeFileSync(path, changed);
  const noticed = await isNoticed(stage);
  writeFileSync(path, whole);
  return noticed ? null : `${relative(stage.copy.batchDir, path)} at ${at}`;
}

export const KINDS = Object.keys(COVERED);

/** Files deleted or swapped, lines of the manifest deleted, doubled or moved. */
export const MOVES: Record<string, (stage: Stage, dice: Dice) => () => void> = {
  'file deleted': ({ files }, dice) => {
    const all = [...files.values()].flat();
    const path = all[dice.between(0, all.length - 1)] as string;
    renameSync(path, `${path}.gone`);
    return () => renameSync(`${path}.gone`, path);
  },
  'files swapped': ({ files }, dice) => {
    const kinds = [...files.values()].filter((of) => of.length > 1);
    const of = kinds[dice.between(0, kinds.length - 1)] as string[];
    const one = dice.between(0, of.length - 1);
    const two = (one + dice.between(1, of.length - 1)) % of.length;
    const swap = () => {
      const [a, b] = [of[one] as string, of[two] as string];
      renameSync(a, `${a}.swap`);
      renameSync(b, a);
      renameSync(`${a}.swap`, b);
    };
    swap();
    return swap;
  },
  'line deleted': manifestChange((lines, dice) => lines.toSpliced(dice.between(0, lines.length - 1), 1)),
  'line doubled': manifestChange((lines, dice) => {
    const at = dice.between(0, lines.length - 1);
    return lines.toSpliced(at, 0, lines[at] as string);
  }),
  'lines moved': manifestChange((lines, dice) => {
    const at = dice.between(0, lines.length - 2);
    return lines.toSpliced(at, 2, lines[at + 1] as string, lines[at] as string);
  }),
};

export async function move(stage: Stage, name: string, dice: Dice): Promise<string | null> {
  const undo = (MOVES[name] as (typeof MOVES)[string])(stage, dice);
  const noticed = await isNoticed(stage);
  undo();
  return noticed ? null : name;
}

function manifestChange(change: (lines: string[], dice: Dice) => string[]) {
  return ({ copy }: Stage, dice: Dice) => {
    const path = join(copy.batchDir, FILES.manifest);
    const kept = `${path}.kept`;
    cpSync(path, kept);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    writeFileSync(path, `${change(lines, dice).join('\n')}\n`);
    return () => {
      rmSync(path);
      renameSync(kept, path);
    };
  };
}

async function isNoticed({ copy, options, untouched }: Stage): Promise<boolean> {
  return (await verdictOf(copy, options)) !== untouched;
}

async function verdictOf({ batchDir }: BatchCopy, options: VerifyOptions): Promise<string> {
  const { items } = await verifyPaths([batchDir], options);
  return JSON.stringify(
    items.map(({ kind, path, verdict, broken }) => [
      kind,
      basename(path),
      verdict,
      broken.map(({ id }) => id),
    ]),
  );
}
