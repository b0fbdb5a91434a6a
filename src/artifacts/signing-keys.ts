/**
 * The worker's own signing keys (SPEC P3): `<home>/keys/key-0001.json`, `key-0002.json` … Each is written once; the highest
 * number signs, the others stay so that what they signed can still be named. Made on first use, for the owner alone.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createFile, jsonText, makeFolder } from '../host/durable-file.ts';
import { NotPlain, readPlain } from '../host/plain-file.ts';

export interface SigningKey {
  /** sha256 of the public key as SubjectPublicKeyInfo in DER, in hex. */
  keyId: string;
  privateKey: KeyObject;
  /** PEM, as `openssl` reads it. */
  publicKeyPem: string;
  file: string;
}

/** What a reviewer holds of a key. */
export interface PublicKeyRecord {
  key_id: string;
  algorithm: 'Ed25519';
  /** PEM. */
  public_key: string;
  created_at: string;
  /** When a newer key took over; null for the one that signs. */
  retired_at: string | null;
}

/** A key file that can't be used: which, why, what to do. */
export class KeyProblem extends Error {
  override name = 'KeyProblem';
}

interface KeyFile extends Omit<PublicKeyRecord, 'retired_at'> {
  schema_version: number;
  /** PKCS #8, PEM. */
  private_key: string;
}

const SCHEMA_VERSION = 1;
const KEY_NAME = /^key-(\d{4,})\.json$/u;
const KEY_BYTES_MAX = 16 * 1024;

export class SigningKeys {
  readonly folder: string;
  readonly #read = new Map<string, SigningKey>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The key that signs; made when there is none. Of two who make one at once, both get the same. @throws KeyProblem */
  async current(): Promise<SigningKey> {
    const last = (await this.#names()).at(-1);
    return last === undefined ? this.#make(1) : this.#signingKey(last);
  }

  /** From now on another key signs, also in workers that run. @throws KeyProblem */
  async rotate(): Promise<SigningKey> {
    const last = (await this.#names()).at(-1);
    return this.#make(last === undefined ? 1 : numberOf(last) + 1);
  }

  /** Oldest first; none where nothing was signed yet. @throws KeyProblem */
  async publicKeys(): Promise<PublicKeyRecord[]> {
    const files = await Promise.all((await this.#names()).map((name) => this.#file(name)));
    return files.map(({ key_id, algorithm, public_key, created_at }, i) => ({
      key_id,
      algorithm,
      public_key,
      created_at,
      retired_at: files[i + 1]?.created_at ?? null,
    }));
  }

  async #names(): Promise<string[]> {
    const names = await readdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw new KeyProblem(`the folder of signing keys ${this.folder} can't be read: ${error.message}`);
    });
    return names.filter((name) => KEY_NAME.test(name)).sort((a, b) => numberOf(a) - numberOf(b));
  }

  async #make(number: number): Promise<SigningKey> {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const file: KeyFile = {
      schema_version: SCHEMA_VERSION,
      key_id: keyIdOf(publicKey),
      algorithm: 'Ed25519',
      created_at: new Date().toISOString(),
      public_key: publicKey.export({ type: 'spki', format: 'pem' }) as string,
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    };
    const name = `key-${String(number).padStart(4, '0')}.json`;
    try {
      await makeFolder(this.folder);
      await createFile(join(this.folder, name), jsonText(file));
    } catch (error) {
      throw new KeyProblem(`no signing key can be made in ${this.folder}: ${(error as Error).message}`);
    }
    // Somebody else may have been first.
    return this.#signingKey(name);
  }

  async #signingKey(name: string): Promise<SigningKey> {
    const known = this.#read.get(name);
    if (known !== undefined) return known;
    const { key_id, public_key, private_key } = await this.#file(name);
    const key = {
      keyId: key_id,
      privateKey: createPrivateKey(private_key),
      publicKeyPem: public_key,
      file: join(this.folder, name),
    };
    this.#read.set(name, key);
    return key;
  }

  async #file(name: string): Promise<KeyFile> {
    const path = join(this.folder, name);
    const wayOut = 'restore it from a backup, or make another key: imgproof key rotate';
    const { mode } = await lstat(path).catch(() => ({ mode: 0 }));
    if ((mode & 0o077) !== 0)
      throw new KeyProblem(`the signing key ${path} may be read by others: chmod 600 ${path}`);
    try {
      const file = JSON.parse((await readPlain(path, KEY_BYTES_MAX)).toString('utf8')) as KeyFile;
      const publicKey = createPublicKey(createPrivateKey(file.private_key));
      if (publicKey.asymmetricKeyType !== 'ed25519' || keyIdOf(publicKey) !== file.key_id)
        throw new NotPlain('its parts do not belong together');
      return file;
    } catch (error) {
      throw new KeyProblem(`the signing key ${path} can't be used: ${(error as Error).message}; ${wayOut}`);
    }
  }
}

export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function numberOf(name: string): number {
  return Number(KEY_NAME.exec(name)?.[1] ?? 0);
}
