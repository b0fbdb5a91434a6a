/**
 * The worker's own signing keys (SPEC P3): `<home>/keys/key-0001.json`, `key-0002.json` … Each is written once; the highest
 * number signs, the others stay so that what they signed can still be named. Made on first use, for the owner alone.
 */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createFile, jsonText, makeFolder } from '../host/durable-file.ts';
import {
  KeyProblem,
  newKey,
  type PublicHalf,
  readPublicHalf,
  readSigningKey,
  type SigningKey,
} from './key-file.ts';

/** What a reviewer holds of a key. */
export interface PublicKeyRecord extends PublicHalf {
  /** When a newer key took over; null for the one that signs. */
  retired_at: string | null;
}

export interface KnownKeys {
  /** Oldest first; none where nothing was signed yet. */
  keys: PublicKeyRecord[];
  /** Of files that can't be read, a sentence each. */
  problems: string[];
}

const KEY_NAME = /^key-(\d{4,})\.json$/u;

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

  /** One that is damaged does not stand in the way of the others. Never throws. */
  async publicKeys(): Promise<KnownKeys> {
    try {
      const found = await Promise.all((await this.#names()).map((name) => this.#publicHalf(name)));
      const keys = found.flatMap(({ half }, i) =>
        half === null ? [] : [{ ...half, retired_at: found[i + 1]?.since ?? null }],
      );
      return { keys, problems: found.flatMap(({ problem }) => problem ?? []) };
    } catch (error) {
      return { keys: [], problems: [(error as Error).message] };
    }
  }

  async #names(): Promise<string[]> {
    const names = await readdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw new KeyProblem(`the folder of signing keys ${this.folder} can't be read: ${error.message}`);
    });
    return names.filter((name) => KEY_NAME.test(name)).sort((a, b) => numberOf(a) - numberOf(b));
  }

  async #make(number: number): Promise<SigningKey> {
    const name = `key-${String(number).padStart(4, '0')}.json`;
    try {
      await makeFolder(this.folder);
      await createFile(join(this.folder, name), jsonText(newKey()));
    } catch (error) {
      throw new KeyProblem(`no signing key can be made in ${this.folder}: ${(error as Error).message}`);
    }
    // Somebody else may have been first.
    return this.#signingKey(name);
  }

  async #signingKey(name: string): Promise<SigningKey> {
    const known = this.#read.get(name);
    if (known !== undefined) return known;
    await this.#refuseOpenFolder();
    const key = await readSigningKey(join(this.folder, name));
    this.#read.set(name, key);
    return key;
  }

  /** Whoever may write there could put a key of his own above ours. */
  async #refuseOpenFolder(): Promise<void> {
    const { mode } = await lstat(this.folder).catch(() => ({ mode: 0 }));
    if ((mode & 0o022) !== 0)
      throw new KeyProblem(
        `others may write into the folder of signing keys ${this.folder}: chmod 700 ${this.folder}`,
      );
  }

  /** `since`: when it took over; of a damaged file its time on the disk. */
  async #publicHalf(name: string): Promise<FoundKey> {
    const path = join(this.folder, name);
    try {
      const half = await readPublicHalf(path);
      return { half, since: half.created_at, problem: null };
    } catch (error) {
      const since = await lstat(path).then(
        ({ mtime }) => mtime.toISOString(),
        () => null,
      );
      return { half: null, since, problem: (error as Error).message };
    }
  }
}

interface FoundKey {
  half: PublicHalf | null;
  since: string | null;
  problem: string | null;
}

function numberOf(name: string): number {
  return Number(KEY_NAME.exec(name)?.[1] ?? 0);
}
