/** The proof index as a way to find results (SPEC F10). */
import { basename, dirname, isAbsolute, join } from 'node:path';
import { FILES } from '../domain/layout.ts';
import type { FoundResult } from './claims.ts';
import { asResult } from './record-shape.ts';
import { lastTwo } from './recorded-path.ts';
import { listFolder, type Read, readRecord } from './safe-read.ts';

export interface IndexTarget {
  /** Path of the row. */
  row: string;
  found: FoundResult | null;
  /** How reading the row or its result ended. */
  read: Read<unknown>;
}

export async function indexTargets(outputDir: string): Promise<IndexTarget[]> {
  const folder = join(outputDir, FILES.proofs);
  const { files } = await listFolder(folder);
  const names = files.filter((name) => /^[0-9a-f]{64}\.json$/u.test(name));
  const targets: IndexTarget[] = [];
  for (const name of names) targets.push(await targetOf(outputDir, name));
  return targets;
}

async function targetOf(outputDir: string, name: string): Promise<IndexTarget> {
  const row = join(outputDir, FILES.proofs, name);
  const read = await readRecord(outputDir, join(FILES.proofs, name));
  if (read.kind !== 'read') return { row, found: null, read };
  const recorded = read.value['result_json'];
  if (typeof recorded !== 'string' || basename(recorded) !== FILES.result) {
    return { row, found: null, read: { kind: 'refused', problem: 'names no result.json' } };
  }
  let last: Read<unknown> = { kind: 'missing' };
  for (const folder of runFolders(outputDir, dirname(recorded))) {
    const result = asResult(await readRecord(folder, FILES.result));
    if (result.kind === 'read') {
      const found = { path: join(folder, FILES.result), folder, result: result.value };
      return { row, found, read: result };
    }
    if (result.kind === 'refused')
      last = { kind: 'refused', problem: `names a result.json that ${result.problem}` };
  }
  return { row, found: null, read: last };
}

/** Below this output directory first, as a batch's task and as a run; then where it was recorded. */
function runFolders(outputDir: string, recorded: string): string[] {
  const here = [join(outputDir, FILES.batches, lastTwo(recorded)), join(outputDir, lastTwo(recorded))];
  return isAbsolute(recorded) ? [...here, recorded] : [];
}
