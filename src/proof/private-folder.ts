/** Work on files of others happens in a folder that only we see, and that is gone afterwards, also when we are told to stop. */
import { rmSync } from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PrivateFolder {
  path: string;
  /** Removes it. */
  remove: () => Promise<void>;
}

/** `also`: a file elsewhere that has to go too when the process is ended meanwhile. */
export async function privateFolder(prefix: string, also?: string): Promise<PrivateFolder> {
  // Real, because paths of files in it are found again in texts.
  const path = await mkdtemp(join(await realpath(tmpdir()), prefix));
  const places = also === undefined ? [path] : [path, also];
  const onSignal = (signal: NodeJS.Signals) => {
    for (const place of places) rmSync(place, { recursive: true, force: true });
    forget();
    process.kill(process.pid, signal);
  };
  const forget = () => SIGNALS.forEach((signal) => process.off(signal, onSignal));
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    path,
    remove: async () => {
      forget();
      await rm(path, { recursive: true, force: true });
    },
  };
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const satisfies NodeJS.Signals[];
