/** Where files may come from and go to (SPEC H3, DESIGN 6). */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SCHEMA_VERSION } from '../domain/records.ts';
import { rememberedFolders, rememberFolder, withRealPaths } from '../host/folder-list.ts';
import { readOwnConfig } from './own-config.ts';
import type { Settings } from './settings.ts';
/** Folders that reference images may come from; an empty list is none. `cwd`: of a command that runs right now. */
export function allowedRoots(
  settings: Settings,
  { embedded, cwd }: { embedded: boolean; cwd?: string },
): string[] {
  const { inputRoots } = readOwnConfig(settings);
  if (!embedded) return withRealPaths(inputRoots);
  const here = cwd === undefined ? [] : [cwd];
  return withRealPaths([
    ...inputRoots,
    settings.userHome,
    tmpdir(),
    ...rememberedFolders(rootsFolder(settings)),
    ...here,
  ]);
}

/** Folders that images and proofs may go to; null is anywhere the user may write (embedded mode). */
export function outputRoots(settings: Settings, { embedded }: { embedded: boolean }): string[] | null {
  if (embedded) return null;
  const { outputDir, batchRoot, queueDir, queueOutputDir } = settings.defaults;
  return withRealPaths([
    ...readOwnConfig(settings).outputRoots,
    outputDir,
    queueDir,
    queueOutputDir,
    ...(batchRoot === null ? [] : [batchRoot]),
  ]);
}

/** Lets the embedded worker read references from this folder too: a command's current directory (SPEC H3). */
export function rememberRoot(settings: Settings, dir: string): void {
  rememberFolder(rootsFolder(settings), dir, SCHEMA_VERSION);
}

function rootsFolder({ home }: Settings): string {
  return join(home, 'roots');
}
