/** Which results of a place claim which image: the other side of "no other result's image" (SPEC P1). */
import { basename, dirname, join } from 'node:path';
import { FILES } from '../domain/layout.ts';
import type { ResultRecord } from '../domain/records.ts';
import { mapLimited } from './map-limited.ts';
import { asResult } from './record-shape.ts';
import { listFolder, readRecord } from './safe-read.ts';

export interface FoundResult {
  /** The `result.json`. */
  path: string;
  /** Its folder now, which `run_dir` need not be: the tree may have been copied. */
  folder: string;
  result: ResultRecord;
}

interface Claimant {
  path: string;
  generationId: string;
  taskKey: string;
}

/** Who claims an image, by sha256. */
export type Claims = ReadonlyMap<string, readonly Claimant[]>;

/** Claims of the place that a run folder belongs to. */
export type ClaimsLookup = (folder: string) => Promise<Claims>;

/** Each place is read once, however many of its results are verified. */
export function claimsLookup(): ClaimsLookup {
  const known = new Map<string, Promise<Claims>>();
  return async (folder) => {
    const place = await placeOf(folder);
    const claims = known.get(place) ?? resultsBelow(place).then(claimsOf);
    known.set(place, claims);
    return claims;
  };
}

/** An adopted row, or a copied folder, is the same result: same call, same task. */
export function otherClaimant(claims: Claims, { path, result }: FoundResult, sha256: string): string | null {
  const other = (claims.get(sha256) ?? []).find(
    (one) =>
      one.path !== path && (one.generationId !== result.generation_id || one.taskKey !== result.task_key),
  );
  return other?.path ?? null;
}

function claimsOf(found: readonly FoundResult[]): Claims {
  const claims = new Map<string, Claimant[]>();
  for (const { path, result } of found) {
    const { sha256, generation_id: generationId, task_key: taskKey } = result;
    if (typeof sha256 !== 'string') continue;
    claims.set(sha256, [...(claims.get(sha256) ?? []), { path, generationId, taskKey }]);
  }
  return claims;
}

const READS_AT_ONCE = 16;

/** Every readable result of an output, state or batch directory, or a folder of these (SPEC F2–F4). */
export async function resultsBelow(place: string): Promise<FoundResult[]> {
  const runs = await foldersIn(join(place, FILES.runs));
  const batches = await foldersIn(join(place, FILES.batches));
  const tasks = await mapLimited(batches, READS_AT_ONCE, foldersIn);
  const queued = await foldersIn(join(place, FILES.queueTaskFolders));
  const folders = [place, ...(await foldersIn(place)), ...runs, ...tasks.flat(), ...queued];
  const found = await mapLimited(folders, READS_AT_ONCE, readResult);
  return found.filter((one) => one !== null);
}

/** The output or state directory a run folder is of, else its batch, else the folder alone. */
async function placeOf(folder: string): Promise<string> {
  const parent = dirname(folder);
  if (basename(parent) === FILES.runs) return dirname(parent);
  const around = dirname(parent);
  if (basename(parent) === FILES.queueTaskFolders && (await isStateDir(around))) return around;
  const { files } = await listFolder(parent);
  if (!files.includes(FILES.batchRequest)) return folder;
  if (basename(around) === FILES.queueRuns && (await isStateDir(dirname(around)))) return dirname(around);
  return basename(dirname(parent)) === FILES.batches ? dirname(dirname(parent)) : parent;
}

async function isStateDir(folder: string): Promise<boolean> {
  return (await listFolder(folder)).files.includes(FILES.queueState);
}

async function foldersIn(path: string): Promise<string[]> {
  return (await listFolder(path)).folders.map((name) => join(path, name));
}

/** The result at this path; null when it is none that can be used. */
export async function foundResult(resultJson: string): Promise<FoundResult | null> {
  return basename(resultJson) === FILES.result ? readResult(dirname(resultJson)) : null;
}

async function readResult(folder: string): Promise<FoundResult | null> {
  const read = asResult(await readRecord(folder, FILES.result));
  return read.kind === 'read' ? { path: join(folder, FILES.result), folder, result: read.value } : null;
}
