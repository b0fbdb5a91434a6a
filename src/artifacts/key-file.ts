/**
 * One file of a signing key (SPEC P3). Its public half is told to whoever asks, whatever has become of the private one:
 * what was signed with it stays signed. Signing is stricter: the file is its owner's alone, and its halves belong together.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { NotPlain, readPlain } from '../host/plain-file.ts';

export interface SigningKey {
  /** sha256 of the public key as SubjectPublicKeyInfo in DER, in hex. */
  keyId: string;
  privateKey: KeyObject;
  /** PEM, as `openssl` reads it. */
  publicKeyPem: string;
  file: string;
}

/** What everybody may know of a key. */
export interface PublicHalf {
  key_id: string;
  algorithm: 'Ed25519';
  /** PEM. */
  public_key: string;
  created_at: string;
}

interface KeyFile extends PublicHalf {
  schema_version: number;
  /** PKCS #8, PEM. */
  private_key: string;
}

/** A key file that can't be used: which, why, what to do. */
export class KeyProblem extends Error {
  override name = 'KeyProblem';
}

const SCHEMA_VERSION = 1;
const KEY_BYTES_MAX = 16 * 1024;

export function newKey(): KeyFile {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    schema_version: SCHEMA_VERSION,
    key_id: keyIdOf(publicKey),
    algorithm: 'Ed25519',
    created_at: new Date().toISOString(),
    public_key: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** @throws KeyProblem */
export async function readPublicHalf(path: string): Promise<PublicHalf> {
  const { key_id, algorithm, public_key, created_at } = await readKeyFile(path);
  return { key_id, algorithm, public_key, created_at };
}

/** @throws KeyProblem also when somebody else may read it, and so may have a copy */
export async function readSigningKey(path: string): Promise<SigningKey> {
  const { mode } = await lstat(path).catch(() => ({ mode: 0 }));
  if ((mode & 0o077) !== 0)
    throw new KeyProblem(`the signing key ${path} may be read by others: chmod 600 ${path}`);
  const { key_id, public_key, private_key } = await readKeyFile(path);
  const privateKey = privateKeyIn(private_key);
  if (privateKey === null || keyIdOf(createPublicKey(privateKey)) !== key_id)
    throw unusable(path, 'its private key is damaged or another one');
  return { keyId: key_id, privateKey, publicKeyPem: public_key, file: path };
}

export function keyIdOf(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Null for what is no Ed25519 public key in PEM. */
export function publicKeyIn(pem: unknown): KeyObject | null {
  // A private key would be taken, too: its public half can be computed.
  if (typeof pem !== 'string' || !pem.includes('BEGIN PUBLIC KEY')) return null;
  try {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' ? key : null;
  } catch {
    return null;
  }
}

/** With a public key that is the one its id names. */
async function readKeyFile(path: string): Promise<KeyFile> {
  try {
    const file = jsonIn(await readPlain(path, KEY_BYTES_MAX));
    if (typeof file?.schema_version !== 'number') throw new NotPlain('it is no key file of imgproof');
    if (file.schema_version > SCHEMA_VERSION)
      throw new NotPlain(`its schema_version ${file.schema_version} is of a newer imgproof`);
    const publicKey = publicKeyIn(file.public_key);
    if (publicKey === null || keyIdOf(publicKey) !== file.key_id)
      throw new NotPlain('its public key is damaged or another one');
    return file as KeyFile;
  } catch (error) {
    throw unusable(path, (error as Error).message);
  }
}

/** What `JSON.parse` says of a damaged file quotes it, and here that is the private key. */
function jsonIn(content: Buffer): Partial<KeyFile> | null {
  try {
    return JSON.parse(content.toString('utf8')) as Partial<KeyFile> | null;
  } catch {
    throw new NotPlain('it is no complete JSON');
  }
}

function privateKeyIn(pem: unknown): KeyObject | null {
  try {
    return createPrivateKey(pem as string);
  } catch {
    return null;
  }
}

function unusable(path: string, why: string): KeyProblem {
  const wayOut = 'restore it from a backup, or make another key: imgproof key rotate';
  return new KeyProblem(`the signing key ${path} can't be used: ${why}; ${wayOut}`);
}
