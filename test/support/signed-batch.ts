/** A batch as a real worker recorded and signed it, and copies of it to be changed. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { SigningKeys } from '../../src/artifacts/signing-keys.ts';
import type { BatchResultRecord, BatchSummary } from '../../src/domain/batch-records.ts';
import { FILES } from '../../src/domain/layout.ts';
import type { TrustedKeys } from '../../src/proof/dsse.ts';
import type { System } from './system.ts';
import { tempFolder } from './temp-folder.ts';

export interface SignedBatch {
  summary: BatchSummary;
  record: BatchResultRecord;
  batchId: string;
  outputDir: string;
  keys: SigningKeys;
}

/** Two images and a task that fails. */
export async function signedBatch(system: System, name: string): Promise<SignedBatch> {
  const tasks = [
    { prompt: `${name}, one`, task_name: 'one' },
    { prompt: `${name}, two`, task_name: 'two' },
    { prompt: `${name}, three [fault:400]`, task_name: 'three' },
  ];
  const handle = await system.startBatch(system.batch(tasks), name);
  const summary = await handle.result();
  return {
    summary,
    record: await system.recordOf(summary),
    batchId: name,
    outputDir: system.outputDir,
    keys: new SigningKeys(join(system.settings.home, 'keys')),
  };
}

export interface BatchCopy {
  batchDir: string;
  /** Run folders of its tasks, in file order. */
  runs: string[];
  /** Of the completed ones. */
  images: string[];
  read: (path: string) => string;
  change: (path: string, change: (text: string) => string) => void;
}

/** The whole output tree, as somebody may have been given it. */
export function copyOf({ record, outputDir }: SignedBatch): BatchCopy {
  const place = join(tempFolder(), 'copied');
  cpSync(outputDir, place, { recursive: true });
  const here = (path: string) => join(place, relative(outputDir, path));
  const read = (path: string) => readFileSync(path, 'utf8');
  return {
    batchDir: here(record.batch_dir),
    runs: record.results.map(({ run_dir }) => here(run_dir as string)),
    images: record.results.flatMap(({ image_path }) => (image_path === null ? [] : [here(image_path)])),
    read,
    change: (path, change) => {
      const before = read(path);
      const after = change(before);
      if (after === before) throw new Error(`${path} was not changed`);
      writeFileSync(path, after);
    },
  };
}

export async function trusted(keys: SigningKeys): Promise<TrustedKeys> {
  return { ...(await keys.publicKeys()), source: basename(dirname(keys.folder)) };
}

export function envelopeOf(run: string): string {
  return join(run, FILES.resultEnvelope);
}

/** Every file below it. */
export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
