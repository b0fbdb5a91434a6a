/** `imgproof key show | rotate`: whose signature stands under what this machine's workers record (SPEC P3). */
import type { Command } from 'commander';
import { KeyProblem, type PublicKeyRecord, SigningKeys } from '../artifacts/signing-keys.ts';
import { loadSettings } from '../config.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { note, print, printJson } from './output.ts';

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

async function show(flags: { json?: boolean }): Promise<void> {
  await withKeys(async (keys) => {
    await keys.current();
    await tell(keys, flags);
  });
}

async function rotate(flags: { json?: boolean }): Promise<void> {
  await withKeys(async (keys) => {
    const { keyId } = await keys.rotate();
    if (flags.json !== true) note(`from now on ${keyId} signs`);
    await tell(keys, flags);
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

async function tell(keys: SigningKeys, { json }: { json?: boolean }): Promise<void> {
  const list = await keys.publicKeys();
  if (json === true) {
    const reason = `${list.length} ${list.length === 1 ? 'key' : 'keys'}`;
    printJson({ schema_version: SCHEMA_VERSION, keys: list, exit_code: EXIT.ok, reason });
    return;
  }
  for (const key of list) print(keyText(key));
  note(`private keys: ${keys.folder}, for this user alone. A reviewer's list: imgproof key show --json`);
}

function keyText({ key_id, created_at, retired_at, public_key }: PublicKeyRecord): string {
  const time = `from ${created_at}${retired_at === null ? '' : ` to ${retired_at}`}`;
  return `key_id  ${key_id}\nEd25519  ${time}${retired_at === null ? '  signs now' : ''}\n${public_key.trimEnd()}\n`;
}
