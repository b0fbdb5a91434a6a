import { randomBytes } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createFile, makeFolder } from '../host/durable-file.ts';

/** Make the folder and put a file into it for a moment. Why that does not work, or null. */
export async function folderProblem(folder: string): Promise<string | null> {
  const probe = join(folder, `.imgproof-${randomBytes(6).toString('hex')}`);
  try {
    await makeFolder(folder);
    await createFile(probe, '');
    await unlink(probe);
    return null;
  } catch (error) {
    return `the folder ${folder} can't be written (${(error as Error).message}); nothing was sent`;
  }
}
