/** Where a recorded file is now: records hold absolute paths, and the tree may have been copied since (SPEC P2). */
import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { FoundResult } from './claims.ts';

/**
 * Places to look for a file that the result names, best first. In a copied tree that is the file at the same place
 * relative to the result: the reviewer holds the copy, and an original that is still intact proves nothing about it.
 */
export function placesOf(
  { folder, result }: { folder: string; result: Pick<FoundResult['result'], 'run_dir'> },
  recorded: unknown,
): string[] {
  if (typeof recorded !== 'string' || !isAbsolute(recorded)) return [];
  const absolute = resolve(recorded);
  if (!isAbsolute(result.run_dir)) return [absolute];
  return [...new Set([resolve(folder, relative(result.run_dir, absolute)), absolute])];
}

/** Folders that may hold the attempts: the result's own, or that of the result it was adopted from. */
export function attemptPlaces({ folder, result }: FoundResult): string[] {
  if (result.adopted_from === undefined) return [folder];
  return counterparts(folder, result.run_dir);
}

/**
 * Places where the run folder `recorded` may be when its tree was copied to where the run folder `folder` is: the same
 * `<batch>/<task>` or `_runs/<run>` two levels up; then the recorded place.
 */
export function counterparts(folder: string, recorded: string): string[] {
  if (!isAbsolute(recorded)) return [];
  return [...new Set([join(dirname(dirname(folder)), lastTwo(recorded)), recorded])];
}

/** `<batch>/<task>` or `_runs/<run>` of a run folder. */
export function lastTwo(runFolder: string): string {
  return join(basename(dirname(runFolder)), basename(runFolder));
}

/** The path with its folder's links resolved, so that two ways to one file compare equal. */
export async function settled(path: string): Promise<string> {
  try {
    return join(await realpath(dirname(path)), basename(path));
  } catch {
    return path;
  }
}
