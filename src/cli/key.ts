/** `imgproof key show | rotate`: whose signature stands under what this machine's workers record (SPEC P3). */
import type { Command } from 'commander';
import { KeyProblem } from '../artifacts/key-file.ts';
import { type PublicKeyRecord, SigningKeys } from '../artifacts/signing-keys.ts';
import { loadSettings } from '../config.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { note, print, printJson, warn } from './output.ts';

export function register(command: Command): void {
  command.description('the keys that sign what this machine records');
  command
    .command('show')
    .summary('print the public keys')
    .description('print the public keys, the one that signs last; the first one is made when there is none')
    .option('--json', 'print the list that a reviewer keeps: imgproof verify --keys FILE')
    .action((flags: { json?: boolean }) => show(flags));
  command
    .command('rotate')
    .summary('sign with a new key from now on')
    .description('sign with a new key from now on, also in workers that run; earlier keys stay known')
    .option('--json', 'print the list that a reviewer keeps')
    .action((flags: { json?: boolean }) => rotate(flags));
}

/** Where the keys of a home are. */
export function keysFolder(home: string): string {
  return `${home}/keys`;
}

/** With a key that can't sign the others are told all the same: what they signed is still theirs. */
async function show(flags: { json?: boolean }): Promise<void> {
  await withKeys(async (keys) => {
    const problem = await keys.current().then(
      () => null,
      (error: unknown) => {
        if (error instanceof KeyProblem) return error;
        throw error;
      },
    );
    if (problem !== null && (await keys.publicKeys()).keys.length === 0) throw problem;
    await tell(keys, flags, problem?.message ?? null);
  });
}

async function rotate(flags: { json?: boolean }): Promise<void> {
  await withKeys(async (keys) => {
    const { keyId } = await keys.rotate();
    if (flags.json !== true) note(`from now on ${keyId} signs`);
    await tell(keys, flags, null);
  });
}

async function withKeys(act: (keys: SigningKeys) => Promise<void>): Promise<void> {
  try {
    await act(new SigningKeys(keysFolder(loadSettings(process.env).home)));
  } catch (error) {
    if (error instanceof KeyProblem) throw new CommandProblem(EXIT.environment, error.message);
    throw error;
  }
}

/** `cannotSign`: why nothing is signed now. */
async function tell(
  keys: SigningKeys,
  { json }: { json?: boolean },
  cannotSign: string | null,
): Promise<void> {
  const { keys: list, problems } = await keys.publicKeys();
  const exitCode = cannotSign === null ? EXIT.ok : EXIT.environment;
  process.exitCode = exitCode;
  for (const problem of new Set([...(cannotSign === null ? [] : [cannotSign]), ...problems])) warn(problem);
  if (json === true) {
    const reason = cannotSign ?? `${list.length} ${list.length === 1 ? 'key' : 'keys'}`;
    printJson({ schema_version: SCHEMA_VERSION, keys: list, problems, exit_code: exitCode, reason });
    return;
  }
  for (const key of list) print(keyText(key));
  note(`private keys: ${keys.folder}, for this user alone. A reviewer's list: imgproof key show --json`);
}

function keyText({ key_id, created_at, retired_at, public_key }: PublicKeyRecord): string {
  const time = `from ${created_at}${retired_at === null ? '' : ` to ${retired_at}`}`;
  return `key_id  ${key_id}\nEd25519  ${time}${retired_at === null ? '  signs now' : ''}\n${public_key.trimEnd()}\n`;
}
