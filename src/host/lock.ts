/**
 * A lock file that survives nothing it shouldn't: made by `link()` with its whole content, stale only when the process
 * it names has ended, and taken over by exactly one of those who find it stale (DESIGN 2.11).
 */
import { randomBytes } from 'node:crypto';
import { rename, unlink } from 'node:fs/promises';
import { createFile, jsonText, replaceFile } from './durable-file.ts';
import { NotPlain, readPlain } from './plain-file.ts';
import { isRunning, isSameProcess, ownIdentity, type ProcessIdentity } from './process-identity.ts';

export interface LockHolder extends ProcessIdentity {
  /** Absent in locks of an imgproof that wrote none yet. Whatever the version, the process named is the holder. */
  schema_version?: number;
  nonce: string;
  taken_at: string;
}

const SCHEMA_VERSION = 1;

export type LockResult =
  | { kind: 'acquired'; release: () => Promise<void> }
  | { kind: 'held'; by: LockHolder };

/** Locks of this process, by their nonce: one that names this process and is none of them was given up half-way. */
const heldHere = new Set<string>();

/** Something lies where the lock is that no imgproof wrote: nobody can say who holds it. */
export class LockDamaged extends Error {
  override name = 'LockDamaged';
}

/**
 * Take the lock at `path`, whose folder must exist; never waits. Throws `LockDamaged`, and what the file system throws.
 */
export async function acquireLock(path: string): Promise<LockResult> {
  const self: LockHolder = {
    schema_version: SCHEMA_VERSION,
    ...ownIdentity(),
    nonce: randomBytes(12).toString('hex'),
    taken_at: new Date().toISOString(),
  };
  heldHere.add(self.nonce);
  const result = await acquireAs(self, path).catch((error: unknown) => {
    heldHere.delete(self.nonce);
    throw error;
  });
  if (result.kind === 'held') heldHere.delete(self.nonce);
  return result;
}

async function acquireAs(self: LockHolder, path: string): Promise<LockResult> {
  for (;;) {
    if (await createFile(path, jsonText(self))) return acquired(path, self);
    const holder = await readHolder(path);
    if (holder === null) continue;
    const owner = await lastSuccessor(path, holder);
    if (isHeld(owner)) return { kind: 'held', by: owner };
    // Of all who see this dead owner, link() lets one through; the others find it as the new owner.
    if (await createFile(takeoverPath(path, owner), jsonText(self))) {
      await replaceFile(path, jsonText(self));
      return acquired(path, self);
    }
  }
}

/** What a disk that refused left behind in this very process holds nothing. */
function isHeld(owner: LockHolder): boolean {
  return isRunning(owner) && (heldHere.has(owner.nonce) || !isSameProcess(owner, ownIdentity()));
}

/** Who holds the lock now; null when nobody who is still running does. */
export async function lockHolder(path: string): Promise<LockHolder | null> {
  const holder = await readHolder(path);
  if (holder === null) return null;
  const owner = await lastSuccessor(path, holder);
  return isHeld(owner) ? owner : null;
}

function acquired(path: string, self: LockHolder): LockResult {
  return { kind: 'acquired', release: () => release(path, self) };
}

async function release(path: string, self: LockHolder): Promise<void> {
  try {
    const holder = await readHolder(path);
    if (holder?.nonce !== self.nonce) return;
    // Rename first: a reader never finds a half-removed lock, and only the owner can be here while it runs.
    const grave = `${path}.released-${self.nonce}`;
    await rename(path, grave);
    await unlink(grave);
  } finally {
    // Not before: nobody in this process may take over what is just being given back.
    heldHere.delete(self.nonce);
  }
}

/**
 * A winner may end between its takeover file and its rename: the chain of takeovers says who really holds the lock.
 * Takeover files stay, so that somebody slow can't win against an owner who is long gone.
 */
async function lastSuccessor(path: string, holder: LockHolder): Promise<LockHolder> {
  let owner = holder;
  for (;;) {
    const next = await readHolder(takeoverPath(path, owner));
    if (next === null) return owner;
    owner = next;
  }
}

function takeoverPath(path: string, dead: LockHolder): string {
  return `${path}.takeover-${dead.nonce}`;
}

const LOCK_BYTES_MAX = 16 * 1024;

async function readHolder(path: string): Promise<LockHolder | null> {
  try {
    const holder = JSON.parse(
      (await readPlain(path, LOCK_BYTES_MAX)).toString(),
    ) as Partial<LockHolder> | null;
    if (typeof holder?.pid === 'number' && typeof holder.nonce === 'string') return holder as LockHolder;
    throw new NotPlain(`${path} names no process`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (!(error instanceof NotPlain || error instanceof SyntaxError)) throw error;
    throw new LockDamaged(
      `the lock ${path} can't be read: ${error.message}. Remove it when no imgproof runs on this machine.`,
    );
  }
}
