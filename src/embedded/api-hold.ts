/**
 * Messages before money (SPEC C5): a command that cancels or pauses something on a stopped system holds the lane of paid
 * calls back. A worker that starts meanwhile runs workflows at once and takes no paid call before the command has ended
 * and its message has been acted upon. A file for each holder; one that has ended holds nothing.
 */
import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createFile, makeFolder } from '../host/durable-file.ts';
import { isRunning, ownIdentity, type ProcessIdentity } from '../host/process-identity.ts';
import { homeFiles, openHome, unusableHome } from './home.ts';
import { homeRecordText, readJson } from './home-record.ts';

/** Hold until the returned function is called, or this process ends. @throws EnvironmentProblem */
export async function holdApiLane(homeFolder: string): Promise<() => Promise<void>> {
  const home = await openHome(homeFolder);
  const folder = homeFiles(home).apiHolds;
  const path = join(folder, `${process.pid}-${randomBytes(4).toString('hex')}.json`);
  try {
    await makeFolder(folder);
    await createFile(path, homeRecordText(ownIdentity()));
  } catch (error) {
    throw unusableHome(home, error);
  }
  return () => rm(path, { force: true });
}

/** Who holds the lane now. Files of those who have ended are cleared away. */
export async function apiLaneHolders(home: string): Promise<ProcessIdentity[]> {
  const folder = homeFiles(home).apiHolds;
  const names = await readdir(folder).catch(() => []);
  const holders = await Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .map(async (name) => {
        const path = join(folder, name);
        const holder = await readJson<ProcessIdentity>(path);
        if (holder !== null && isRunning(holder)) return [holder];
        await rm(path, { force: true });
        return [];
      }),
  );
  return holders.flat();
}
