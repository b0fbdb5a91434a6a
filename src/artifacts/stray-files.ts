/** What a process leaves that is killed while it writes: never under a name that is read (`host/durable-file.ts`). */
import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface Strays {
  files: number;
  bytes: number;
}

/** Nobody writes one file for a day. */
const STRAY_AFTER_MS = 24 * 3_600_000;

/** Names that only ours have: a temporary file, a lock that is being given back. */
const STRAY = /\.[0-9a-f]{12}\.tmp$|\.released-[0-9a-f]{24}$/u;

/** Removes them from one folder, those below it not; what can't be removed is added to `problems`. */
export async function removeStrays(folder: string, nowMs: number, problems: string[]): Promise<Strays> {
  const removed: Strays = { files: 0, bytes: 0 };
  const names = await readdir(folder).catch(() => []);
  for (const path of names.filter((name) => STRAY.test(name)).map((name) => join(folder, name))) {
    try {
      const stats = await lstat(path);
      if (!stats.isFile() || nowMs - stats.mtimeMs < STRAY_AFTER_MS) continue;
      await unlink(path);
      removed.files += 1;
      removed.bytes += stats.size;
    } catch (error) {
      // Its own process may have been quicker.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') problems.push((error as Error).message);
    }
  }
  return removed;
}
