/**
 * Secret providers of source `exec` (`reference/api.md` 3): a command that gets `{protocolVersion: 1, provider, ids}` on
 * stdin and answers on stdout. What it writes to stderr may hold secrets and is dropped unread.
 */
import { type Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { readCommandAnswer } from './command-answer.ts';
import { type CommandEnd, runCommand } from './run-command.ts';
import type { CommandProvider } from './secret-providers.ts';
import { type SecretAnswers, SecretRefused } from './secret-refused.ts';

/** @throws SecretRefused when it gives no answer at all */
export async function askSecretCommand(
  provider: CommandProvider,
  alias: string,
  ids: readonly string[],
): Promise<SecretAnswers> {
  await refuseUntrusted(provider.command);
  const end = await runCommand(provider, JSON.stringify({ protocolVersion: 1, provider: alias, ids }));
  return readCommandAnswer(outputOf(end, provider), ids, provider.jsonOnly);
}

// --- whose command it is -------------------------------------------------------------------------------------------

/** Nobody but its owner, who is us or root, may be able to change what runs. */
async function refuseUntrusted(command: string): Promise<void> {
  const stats = await lstat(command).catch((error: unknown) => {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new SecretRefused('invalid', `its command can't be found (${code}); correct command`);
  });
  const broken = RULES.find(({ breaks }) => breaks(stats));
  if (broken !== undefined) throw new SecretRefused('invalid', broken.why);
}

const OTHERS_WRITE = 0o022;

const RULES: { breaks: (stats: Stats) => boolean; why: string }[] = [
  {
    breaks: (stats) => stats.isSymbolicLink(),
    why: 'its command is a symbolic link; set command to the program itself',
  },
  { breaks: (stats) => !stats.isFile(), why: 'its command is not a file; set command to a program' },
  {
    breaks: ({ mode }) => (mode & OTHERS_WRITE) !== 0,
    why: 'its command can be changed by other users; set its mode to 755 or 700',
  },
  {
    breaks: ({ uid }) => uid !== 0 && uid !== process.geteuid?.(),
    why: 'its command belongs to another user; change its owner to the user of the worker',
  },
];

// --- how it ended --------------------------------------------------------------------------------------------------

const BY_HAND = 'run it by hand to see why (what it says is not shown: it may hold secrets)';

function outputOf(end: CommandEnd, limits: CommandProvider): Buffer {
  switch (end.how) {
    case 'done':
      return end.output;
    case 'not started':
      throw new SecretRefused('invalid', `its command can't be started (${end.code}); correct command`);
    case 'exit code':
      throw new SecretRefused('no_key', `its command ended with exit code ${end.code}; ${BY_HAND}`);
    case 'signal':
      throw new SecretRefused('no_key', `its command was ended by ${end.signal}; ${BY_HAND}`);
    case 'timeout':
      throw new SecretRefused(
        'no_key',
        `its command was not done after ${limits.timeoutMs} ms and was ended; raise timeoutMs, or ${BY_HAND}`,
      );
    case 'silence':
      throw new SecretRefused(
        'no_key',
        `its command wrote nothing for ${limits.noOutputTimeoutMs} ms and was ended; raise noOutputTimeoutMs, or ${BY_HAND}`,
      );
    case 'too much output':
      throw new SecretRefused(
        'invalid',
        `its command wrote more than ${limits.maxOutputBytes} bytes and was ended; raise maxOutputBytes, or correct it`,
      );
  }
}
