/** Whom a reviewer trusts: the list that `imgproof key show --json` prints, or the keys of this machine's own home. */
import { readFile } from 'node:fs/promises';
import { keyIdOf, publicKeyIn } from '../artifacts/key-file.ts';
import { type PublicKeyRecord, SigningKeys } from '../artifacts/signing-keys.ts';
import type { TrustedKeys } from './dsse.ts';

/** A list of keys that can't be used. */
export class TrustProblem extends Error {
  override name = 'TrustProblem';
}

/** @throws TrustProblem also for one key of it that is none: nobody shall believe that it counts */
export async function trustedKeysIn(file: string): Promise<TrustedKeys> {
  const document = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as { keys?: unknown } | null)
    .catch((error: Error) => {
      throw new TrustProblem(`the list of keys ${file} can't be used: ${error.message}`);
    });
  const keys = document?.keys;
  if (!Array.isArray(keys))
    throw new TrustProblem(
      `${file} is no list of keys: it needs "keys", each with "public_key" in PEM, as imgproof key show --json prints it`,
    );
  for (const [i, key] of keys.entries()) {
    const problem = problemOf(key);
    if (problem !== null)
      throw new TrustProblem(`the list of keys ${file} can't be used: keys[${i}]: ${problem}`);
  }
  return { keys: keys as PublicKeyRecord[], source: file };
}

/** None where nothing was ever signed. `problems`: of keys that can't be read, and so are trusted by nobody. */
export async function ownKeys(folder: string): Promise<TrustedKeys & { problems: string[] }> {
  const { keys, problems } = await new SigningKeys(folder).publicKeys();
  return { keys, problems, source: folder };
}

function problemOf(value: unknown): string | null {
  const { public_key, key_id, retired_at = null } = (value ?? {}) as Partial<PublicKeyRecord>;
  const key = publicKeyIn(public_key);
  if (key === null) return '"public_key" is no Ed25519 public key in PEM';
  if (key_id !== undefined && key_id !== keyIdOf(key)) return '"key_id" is the one of another key';
  return retired_at === null || Number.isFinite(Date.parse(retired_at)) ? null : '"retired_at" is no time';
}
