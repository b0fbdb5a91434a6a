/** Files of the spool as they may be found: by another hand, another version, or half. What can't be trusted is refused. */
import { lstat } from 'node:fs/promises';
import { SCHEMA_VERSION } from '../domain/records.ts';
import { NotPlain, readPlain } from '../host/plain-file.ts';

/** Never adopted and never bought again unasked: somebody has to look. The message names the file and the reason. */
export class SpoolDamaged extends Error {
  override name = 'SpoolDamaged';
}

const JSON_BYTES_MAX = 1024 * 1024;

/** Null when there is none. Throws `SpoolDamaged` for what is no regular file; what the disk throws is thrown. */
export async function readSpoolFile(path: string, limitBytes: number): Promise<Buffer | null> {
  try {
    return await readPlain(path, limitBytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if (error instanceof NotPlain) throw new SpoolDamaged(`${error.message}; it is not believed`);
    // A disk that does not answer now says nothing of what is on it: that is tried again.
    throw error;
  }
}

/** Likewise, of one JSON object of a version that is known here. */
export async function readSpoolJson<T extends object>(path: string): Promise<T | null> {
  const content = await readSpoolFile(path, JSON_BYTES_MAX);
  if (content === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch (error) {
    throw new SpoolDamaged(`${path} can't be read: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SpoolDamaged(`${path} holds no JSON object`);
  refuseNewer(value, path);
  return value as T;
}

/** What a later imgproof means by its fields is not known here. */
export function refuseNewer(value: { schema_version?: unknown }, path: string): void {
  const { schema_version } = value;
  const isKnown =
    schema_version === undefined || (typeof schema_version === 'number' && schema_version <= SCHEMA_VERSION);
  if (isKnown) return;
  throw new SpoolDamaged(
    `${path} has schema_version ${JSON.stringify(schema_version)}, and this imgproof knows ${SCHEMA_VERSION}: go on with the one that wrote it`,
  );
}

/** A folder or nothing is what may be there. */
export async function refuseNoFolder(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (found === null || found.isDirectory()) return;
  throw new SpoolDamaged(`${path} is ${found.isSymbolicLink() ? 'a symbolic link' : 'a file'}, not a folder`);
}
