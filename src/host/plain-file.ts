/**
 * Files that somebody else names. One descriptor is opened, and all that is asked and read goes through it: so what was
 * checked is what is read, whoever replaces the file meanwhile.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

export type OpenFailure =
  | 'missing'
  /** A part of its path is not a folder. */
  | 'missing folder'
  | 'unreadable'
  | 'link'
  /** A socket, or a device without a driver. */
  | 'special'
  | 'other';

/**
 * For reading; the last part of the path may not be a symbolic link, and a pipe or a device never blocks. Whether it is
 * a regular file is for the caller to ask of the descriptor. Throws what `problem` makes of a failure and its code.
 */
export async function openPlain(
  path: string,
  problem: (failure: OpenFailure, code: string) => Error,
): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw problem(OPEN_FAILURES[code] ?? 'other', code);
  }
}

/** What is there is no regular file of a size that it may have; the message says what it is. */
export class NotPlain extends Error {
  override name = 'NotPlain';
}

/**
 * All of a regular file of at most `limitBytes`; a link is not followed, a pipe never waited for. Throws `NotPlain` for
 * what is something else, and what the file system throws otherwise (`code`), `ENOENT` too.
 */
export async function readPlain(path: string, limitBytes: number): Promise<Buffer> {
  const file = await openPlain(path, (failure, code) =>
    failure === 'link' || failure === 'special'
      ? new NotPlain(
          `${path} is ${failure === 'link' ? 'a symbolic link' : 'a socket or a device'}, not a regular file`,
        )
      : Object.assign(new Error(`${code}: ${path} can't be opened`), { code }),
  );
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new NotPlain(`${path} is ${kindOf(stats)}, not a regular file`);
    if (stats.size > limitBytes)
      throw new NotPlain(`${path} has ${stats.size} bytes; more than ${limitBytes} are not read`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  return stats.isFIFO() ? 'a pipe' : 'a device';
}

/** EMLINK and EFTYPE are what FreeBSD and macOS say of a link. */
const OPEN_FAILURES: Record<string, OpenFailure> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing folder',
  EACCES: 'unreadable',
  EPERM: 'unreadable',
  ELOOP: 'link',
  EMLINK: 'link',
  EFTYPE: 'link',
  ENXIO: 'special',
};

/** The first `count` bytes, or all when there are less. Ask for one more than there may be to notice a file that grows. */
export async function readFirst(file: FileHandle, count: number): Promise<Buffer> {
  const buffer = Buffer.alloc(count);
  let filled = 0;
  while (filled < count) {
    const { bytesRead } = await file.read(buffer, filled, count - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
