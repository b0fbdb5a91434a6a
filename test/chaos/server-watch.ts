/** Looks again and again how many Temporal servers work on one database file. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerWatch {
  /** Servers beyond the first that were ever seen at the same moment. */
  secondServers: () => number;
  stop: () => Promise<void>;
}

const LOOK_EVERY_MS = 100;

export function watchServers(home: string): ServerWatch {
  const stop = new AbortController();
  let most = 0;
  const looking = (async () => {
    while (!stop.signal.aborted) {
      most = Math.max(most, (await serversOf(home)).length);
      await sleep(LOOK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  })();
  return {
    secondServers: () => Math.max(0, most - 1),
    stop: () => {
      stop.abort();
      return looking;
    },
  };
}

/** By the kernel's list of processes: what the product thinks of its servers is not asked. A dead one has no command line. */
async function serversOf(home: string): Promise<string[]> {
  const database = join(home, 'temporal.db');
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name));
  const commands = await Promise.all(
    pids.map(async (pid) => ({ pid, text: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '') })),
  );
  return commands
    .filter(({ text }) => text.split('\0').includes('start-dev') && text.split('\0').includes(database))
    .map(({ pid }) => pid);
}
