import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { link, mkdir, open, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Run folders are for their owner only (DESIGN 6). */
export const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * Replace a file as a whole: readers see the old or the new content, and the new one survives a crash
 * (temporary file, fsync, rename, fsync of the folder).
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  await swapIn(path, (temporary) => writeSynced(temporary, content));
  await syncFolder(dirname(path));
}

/** Like `replaceFile`, for files that are projections of something durable: no fsync, still whole. */
export async function replaceProjection(path: string, content: string): Promise<void> {
  await swapIn(path, (temporary) => writeFile(temporary, content, { flag: 'wx', mode: FILE_MODE }));
}

async function swapIn(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

function temporaryName(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.tmp`;
}

/**
 * Create a file with its whole content; false when the name is taken, and then nothing is touched. When the disk does not
 * take its name for good, it is gone again: whoever tries once more must not find this try in the way.
 */
export async function createFile(path: string, content: string | Uint8Array): Promise<boolean> {
  const temporary = temporaryName(path);
  try {
    await writeSynced(temporary, content);
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
  await syncFolder(dirname(path)).catch(async (error: unknown) => {
    await unlink(path).catch(() => undefined);
    throw error;
  });
  return true;
}

/** An empty file whose being there says something, known to the disk before this returns. */
export function createMarkSync(path: string): void {
  closeSync(openSync(path, 'a', FILE_MODE));
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * Folder and its missing parents, for the owner only, and known to the disk. Level by level: Node's recursive `mkdir`
 * never returns where a file system refuses every name (`/proc`).
 */
export async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) await makeFolder(parent);
  try {
    await mkdir(path, { mode: FOLDER_MODE });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && (await isFolder(path))) return;
    throw error;
  }
  await syncFolder(parent);
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** One JSON document as every file here has it: two spaces, newline at the end. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

async function writeSynced(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
