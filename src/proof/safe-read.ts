/**
 * Reading files that may be foreign, half-written, huge or hostile: regular files only, bounded, symbolic links never
 * followed. Nothing here throws: whatever stands in the way comes back as a text.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SCHEMA_VERSION } from '../domain/records.ts';

export const READ_LIMITS = {
  jsonBytes: 4 * 1024 * 1024,
  /** Records that grow with the number of tasks, of which a batch may have 10,000. */
  batchBytes: 64 * 1024 * 1024,
  imageBytes: 64 * 1024 * 1024,
} as const;

export type Read<T> =
  | { kind: 'read'; value: T }
  | { kind: 'missing' }
  /** There is something, and it is not used: why. */
  | { kind: 'refused'; problem: string };

export type JsonObject = Record<string, unknown>;

/** Content of one regular file of at most `limitBytes`. The last part of the path may not be a symbolic link. */
export async function readRegularFile(path: string, limitBytes: number): Promise<Read<Buffer>> {
  let file: FileHandle | undefined;
  try {
    // Without O_NONBLOCK opening a FIFO would wait for ever.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) return { kind: 'refused', problem: 'is not a regular file' };
    if (stat.size > limitBytes) {
      return { kind: 'refused', problem: `has ${stat.size} bytes; at most ${limitBytes} are read` };
    }
    return { kind: 'read', value: await readUpTo(file, stat.size) };
  } catch (error) {
    return refusal(error);
  } finally {
    await file?.close();
  }
}

/** A JSON object of this schema version, at `folder/name`, where no folder below `folder` is a symbolic link. */
export async function readRecord(
  folder: string,
  name: string,
  limitBytes: number = READ_LIMITS.jsonBytes,
): Promise<Read<JsonObject>> {
  const path = join(folder, name);
  try {
    const [realFolder, realParent] = await Promise.all([realpath(folder), realpath(dirname(path))]);
    if (realParent !== dirname(join(realFolder, name))) {
      return { kind: 'refused', problem: 'is behind a symbolic link, which is not followed' };
    }
  } catch (error) {
    return refusal(error);
  }
  const read = await readRegularFile(path, limitBytes);
  return read.kind === 'read' ? parseRecord(read.value) : read;
}

export interface Listing {
  folders: string[];
  files: string[];
  links: string[];
  problem: string | null;
}

/** Names in a folder, sorted; links are told apart from what they point to. */
export async function listFolder(path: string): Promise<Listing> {
  try {
    const entries = (await readdir(path, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
    const names = (wanted: (entry: (typeof entries)[number]) => boolean) =>
      entries.filter(wanted).map(({ name }) => name);
    return {
      folders: names((entry) => entry.isDirectory()),
      files: names((entry) => entry.isFile()),
      links: names((entry) => entry.isSymbolicLink()),
      problem: null,
    };
  } catch (error) {
    const read = refusal(error);
    return {
      folders: [],
      files: [],
      links: [],
      problem: read.kind === 'refused' ? read.problem : 'is missing',
    };
  }
}

async function readUpTo(file: FileHandle, size: number): Promise<Buffer> {
  const buffer = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(buffer, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function parseRecord(bytes: Buffer): Read<JsonObject> {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return { kind: 'refused', problem: 'is not complete JSON: half-written or damaged' };
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    return { kind: 'refused', problem: 'is not a JSON object' };
  }
  const record = value as JsonObject;
  const version = record['schema_version'];
  if (version === SCHEMA_VERSION) return { kind: 'read', value: record };
  if (typeof version === 'number' && version > SCHEMA_VERSION) {
    const problem = `has schema_version ${version}, this imgproof knows ${SCHEMA_VERSION}: use a newer one`;
    return { kind: 'refused', problem };
  }
  return { kind: 'refused', problem: `has no schema_version ${SCHEMA_VERSION}: not written by imgproof` };
}

function refusal(error: unknown): Exclude<Read<never>, { kind: 'read' }> {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'missing' };
  if (code === 'ELOOP') return { kind: 'refused', problem: 'is a symbolic link, which is not followed' };
  return { kind: 'refused', problem: `cannot be read (${code ?? 'unknown error'})` };
}
