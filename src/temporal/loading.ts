/**
 * While Temporal's packages load, V8 optimises nothing: their megabytes of descriptions run once, and a fifth of a command's
 * CPU time went into optimising them.
 */
import { setFlagsFromString } from 'node:v8';

let loads = 0;

export function beginLoading(): void {
  loads += 1;
  setFlagsFromString('--no-opt');
}

/** The last of those that load turns it on again. */
export function endLoading(): void {
  loads -= 1;
  if (loads === 0) setFlagsFromString('--opt');
}
