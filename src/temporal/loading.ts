/**
 * While Temporal's client loads for a command, V8 optimises nothing: its megabytes of descriptions run once, and a fifth of a
 * command's CPU time went into optimising them. Not in a worker: what it uses all the time would be optimised later and worse
 * (measured: half as much CPU time again for each task).
 */
import { setFlagsFromString } from 'node:v8';

let isLongLived = false;

/** This process is a worker. */
export function optimiseAlways(): void {
  isLongLived = true;
}

export function whileLoading<T>(load: () => T): T {
  if (isLongLived) return load();
  setFlagsFromString('--no-opt');
  try {
    return load();
  } finally {
    setFlagsFromString('--opt');
  }
}
