/** What was paid is held in memory while a disk refuses it: the write is tried again, never the call (SPEC R5). */
import { setTimeout as sleep } from 'node:timers/promises';
import { SpoolDamaged } from './spool-files.ts';

/** How long a write is tried again: as long as its process lives, and who sees that. */
export interface DiskPatience {
  /** Fires when the work is asked to end. */
  leaving: AbortSignal;
  /** Told of each refusal in one line, and with null when it is over. */
  onRefused: (problem: string | null) => void;
}

const WRITE_RETRY_MS = 5_000;
/** After SIGTERM, 10 min: a worker's grace is 11 min, and what is lost then shall be recorded. */
const TRIES_WHILE_LEAVING = 120;

/** @throws what the write threw last, some time after `leaving` fired; `SpoolDamaged` at once */
export async function untilWritten<T>(
  write: () => Promise<T>,
  { leaving, onRefused }: DiskPatience,
  triesWhileLeaving = TRIES_WHILE_LEAVING,
): Promise<T> {
  for (let triesLeft = triesWhileLeaving; ;) {
    try {
      const written = await write();
      onRefused(null);
      return written;
    } catch (error) {
      if (error instanceof SpoolDamaged) throw error;
      if (leaving.aborted) triesLeft -= 1;
      if (triesLeft <= 0) throw error;
      onRefused(diskProblem(error));
      await sleep(WRITE_RETRY_MS);
    }
  }
}

/** `ENOSPC: no space left on device`; the path behind it is nobody's business. */
export function diskProblem(error: unknown): string {
  const [problem = ''] = (error as Error).message.split(', ');
  return problem.slice(0, 200);
}
