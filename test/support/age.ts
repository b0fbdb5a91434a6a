import { lutimes, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export const DAY_MS = 24 * 3_600_000;

/** Everything below the folder was changed so many days ago. */
export async function age(folder: string, days: number): Promise<void> {
  const then = new Date(Date.now() - days * DAY_MS);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    await lutimes(join(entry.parentPath, entry.name), then, then);
}
