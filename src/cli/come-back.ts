/** The command lines that come back to an order, for whoever let go of it (SPEC C4). */

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

/** The command that shows an order again, at the server that it went to. */
export function watchAgain(argv: readonly string[], workflowId: string): string {
  return ['imgproof', 'watch', workflowId, ...sameServer(argv)].map(quoted).join(' ');
}

/** The command that lets a paused batch go on, likewise. */
export function goOn(argv: readonly string[], workflowId: string): string {
  return ['imgproof', 'resume', workflowId, ...sameServer(argv)].map(quoted).join(' ');
}

/** The command that ends an order for good, likewise. */
export function stopIt(argv: readonly string[], workflowId: string): string {
  return ['imgproof', 'cancel', workflowId, ...sameServer(argv)].map(quoted).join(' ');
}

/** The flags that named the server, the last of each. */
export function sameServer(argv: readonly string[]): string[] {
  return SERVER_FLAGS.flatMap((flag) => {
    const at = argv.findLastIndex((arg) => arg === flag || arg.startsWith(`${flag}=`));
    if (at === -1) return [];
    return argv[at] === flag ? argv.slice(at, at + 2) : [argv[at] as string];
  });
}

const SERVER_FLAGS = ['--address', '--namespace', '--profile'];

/** As a shell reads it back; line breaks and other control characters as bash, zsh and ksh write them. */
export function quoted(arg: string): string {
  if (/\p{Cc}/u.test(arg)) return `$'${arg.replaceAll(/[\p{Cc}'\\]/gu, escaped)}'`;
  return /^[\p{L}\p{N}_@%+=:,./-]+$/u.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`;
}

function escaped(character: string): string {
  const short = { '\n': String.raw`\n`, '\r': String.raw`\r`, '\t': String.raw`\t` }[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || code > 0x7e ? `\\x${code.toString(16).padStart(2, '0')}` : `\\${character}`;
}
