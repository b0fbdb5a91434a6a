import type { ExitCode } from './exit-codes.ts';

/** A reader of our output that does not read keeps us no longer than this. */
const FLUSH_MS = 1_000;

/**
 * Ends the process when what it said is out. Calls to the server that are under way, or wait to be repeated by its
 * client, must neither keep it nor outlive their connection.
 */
export function endNow(exitCode: ExitCode): Promise<never> {
  const end = () => process.exit(exitCode);
  setTimeout(end, FLUSH_MS);
  // What went wrong with a write is told after its callback.
  process.stdout.write('', () => setImmediate(() => process.stderr.write('', end)));
  return new Promise(() => undefined);
}
