/** Letting go of an order (SPEC C4): the signals that ask for it, the words, and an end without delay. */
import { stopIt, watchAgain } from './come-back.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { safe, say } from './output.ts';
import type { View } from './progress-view.ts';

const EXIT_CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;
type Signal = keyof typeof EXIT_CODES;

export interface Signals {
  /** Resolves with the first signal that comes once something may have been ordered. */
  letGo: Promise<Signal>;
  /** From here on something may have been ordered; until then a signal ends the command. */
  ordering: () => void;
  /** Nobody waits any more. */
  ignore: () => void;
}

/** The next signal finds no listener and ends the process at once, as it would any other. */
export function listenForSignals(): Signals {
  let isOrdering = false;
  const { promise, resolve } = deferred<Signal>();
  const listener = (signal: Signal): void => {
    ignore();
    if (isOrdering) return resolve(signal);
    say('Interrupted. Nothing was ordered.');
    process.exit(EXIT_CODES[signal]);
  };
  const names = Object.keys(EXIT_CODES) as Signal[];
  const ignore = () => names.forEach((name) => process.removeListener(name, listener));
  for (const name of names) process.on(name, listener);
  return { letGo: promise, ordering: () => void (isOrdering = true), ignore };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

export function exitCodeOfSignal(signal: Signal): ExitCode {
  return EXIT_CODES[signal];
}

export interface LetGo {
  /** Workflow id. */
  id: string;
  /** What the command saw last; null when the server had not answered yet. */
  view: View | null;
}

export function detachedText({ id, view }: LetGo): string {
  const counts =
    view === null || view.kind === 'task' ? '' : ` (${view.running} running, ${view.queued} waiting)`;
  const argv = process.argv.slice(2);
  return [
    `Detached. "${safe(id)}" keeps running on the server${counts}.`,
    `   Watch again:  ${safe(watchAgain(argv, id))}`,
    `   Stop it:      ${safe(stopIt(argv, id))}`,
  ].join('\n');
}
