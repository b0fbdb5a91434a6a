/** Letting go of an order: the words, and the promise that the command ends at once (SPEC C4). */
import { stopIt } from './come-back.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { safe, say } from './output.ts';
import type { View } from './progress-view.ts';

export interface LetGo {
  /** Workflow id. */
  id: string;
  /** What the command saw last; null when the server had not answered yet. */
  view: View | null;
  /** The command line that comes back. */
  comeBack: string;
}

export function detachedText({ id, view, comeBack }: LetGo): string {
  const counts =
    view === null || view.kind === 'task' ? '' : ` (${view.running} running, ${view.queued} waiting)`;
  return [
    `Detached. "${safe(id)}" keeps running on the server${counts}.`,
    `   Come back:  ${safe(comeBack)}`,
    `   Stop it:    ${safe(stopIt(process.argv.slice(2), id))}`,
    '               drops the requests under way, which may be charged all the same',
  ].join('\n');
}

/** Nothing that still hangs (a server that does not answer) keeps a command that has let go. */
export function endSoon(): void {
  setTimeout(() => process.exit(), END_MS).unref();
}

const END_MS = 1_000;

/** Until something was ordered there is nothing to let go of. Returns what takes the promise back. */
export function endWhenInterrupted(): () => void {
  const listeners = Object.entries(SIGNALS).map(([name, exitCode]) => {
    const listener = () => {
      say('Interrupted. Nothing was ordered.');
      process.exit(exitCode);
    };
    process.once(name, listener);
    return () => process.removeListener(name, listener);
  });
  return () => listeners.forEach((remove) => remove());
}

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated };

export function exitCodeOfSignal(signal: keyof typeof SIGNALS): ExitCode {
  return SIGNALS[signal];
}
