/** The command line that comes back to an order, for whoever let go of it (SPEC C4). */

/** Flags that would order anew, or not wait. */
const LEFT_OUT = new Set(['--again', '--no-wait', '--json', '--resume']);

/**
 * The same flags and input, plus what pins the order: another flag would be another order, and paid again. Null when the
 * input came from standard input and can't be named.
 */
export function comeBack(
  argv: readonly string[],
  pinned: readonly [flag: string, value: string],
): string | null {
  if (argv[0] === 'batch' && argv.includes('-')) return null;
  const [flag, value] = pinned;
  const isPinned = argv.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
  const same = argv.filter((arg) => !LEFT_OUT.has(arg));
  return ['imgproof', ...same, ...(isPinned ? [] : [flag, value])].map(quoted).join(' ');
}

/** As a POSIX shell reads it back. */
export function quoted(arg: string): string {
  return /^[\p{L}\p{N}_@%+=:,./-]+$/u.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`;
}
