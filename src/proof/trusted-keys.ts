/** Whom a reviewer trusts: the list that `imgproof key show --json` prints, or the keys of this machine's own home. */
import { readFile } from 'node:fs/promises';
import { type PublicKeyRecord, SigningKeys } from '../artifacts/signing-keys.ts';
import type { TrustedKeys } from './dsse.ts';

/** A list of keys that can't be used. */
export class TrustProblem extends Error {
  override name = 'TrustProblem';
}

/** @throws TrustProblem */
export async function trustedKeysIn(file: string): Promise<TrustedKeys> {
  const document = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as { keys?: unknown })
    .catch((error: Error) => {
      throw new TrustProblem(`the list of keys ${file} can't be used: ${error.message}`);
    });
  const { keys } = document;
  if (!Array.isArray(keys) || !keys.every(isPublicKey))
    throw new TrustProblem(
      `${file} is no list of keys: it needs "keys", each with "public_key" in PEM, as imgproof key show --json prints it`,
    );
  return { keys, source: file };
}

/** None where nothing was ever signed, or where the keys can't be read: then no signature is a trusted one. */
export async function ownKeys(folder: string): Promise<TrustedKeys> {
  const keys = await new SigningKeys(folder).publicKeys().catch(() => []);
  return { keys, source: folder };
}

function isPublicKey(value: unknown): value is PublicKeyRecord {
  const { public_key } = (value ?? {}) as Partial<PublicKeyRecord>;
  return typeof public_key === 'string' && public_key.includes('BEGIN PUBLIC KEY');
}
