/** A file that holds secrets: read only when nobody but its owner, who is us, can read or replace what is in it. */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SecretRefused } from './secret-refused.ts';

export interface ReadLimits {
  maxBytes: number;
  timeoutMs: number;
}

/** Its text without a byte order mark. Never blocks on a pipe or a device. @throws SecretRefused */
export async function readPrivateFile(path: string, limits: ReadLimits): Promise<string> {
  const timer = new AbortController();
  const late = sleep(limits.timeoutMs, null, { signal: timer.signal });
  late.catch(() => undefined);
  const reading = readWithin(path, limits.maxBytes);
  // A read that comes too late closes its file, and is nobody's failure any more.
  reading.catch(() => undefined);
  try {
    const bytes = await Promise.race([reading, late]);
    if (bytes !== null) return bytes.toString('utf8').replace(/^\uFEFF/u, '');
  } finally {
    timer.abort();
  }
  throw new SecretRefused(
    'no_key',
    `its file could not be read within ${limits.timeoutMs} ms; see to its disk, or raise timeoutMs`,
  );
}

async function readWithin(path: string, maxBytes: number): Promise<Buffer> {
  const file = await openPlain(path);
  try {
    refuseUnfit(await file.stat(), maxBytes);
    return await readBounded(file, maxBytes);
  } finally {
    await file.close();
  }
}

async function openPlain(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw OPEN_FAILURES[code]?.() ?? new SecretRefused('invalid', `its file cannot be opened (${code})`);
  }
}

const missing = () => new SecretRefused('no_key', 'its file does not exist; create it, or correct path');
const unreadable = () =>
  new SecretRefused('invalid', 'its file is not readable for the user of the worker; change its owner');
const link = () => new SecretRefused('invalid', 'its file is a symbolic link; set path to the file itself');

/** EMLINK, EFTYPE: a link, on FreeBSD and macOS. */
const OPEN_FAILURES: Record<string, () => SecretRefused> = {
  ENOENT: missing,
  ENOTDIR: missing,
  EACCES: unreadable,
  EPERM: unreadable,
  ELOOP: link,
  EMLINK: link,
  EFTYPE: link,
  ENXIO: () => new SecretRefused('invalid', 'its file is not a regular file'),
};

/** The rules for the opened file, in the order they are told. */
const RULES: { breaks: (stats: Stats, maxBytes: number) => boolean; why: string }[] = [
  { breaks: (stats) => !stats.isFile(), why: 'its file is not a regular file' },
  {
    breaks: ({ nlink }) => nlink > 1,
    why: 'its file has a second name (a hard link); copy it to a new file',
  },
  {
    breaks: ({ uid }) => uid !== process.geteuid?.(),
    why: 'its file belongs to another user; change its owner to the user of the worker',
  },
  {
    breaks: ({ mode }) => (mode & OTHERS_READ_OR_WRITE) !== 0,
    why: 'its file can be read or written by other users; set its mode to 600',
  },
  { breaks: ({ size }, maxBytes) => size > maxBytes, why: 'its file is larger than maxBytes' },
];

const OTHERS_READ_OR_WRITE = 0o066;

function refuseUnfit(stats: Stats, maxBytes: number): void {
  const broken = RULES.find(({ breaks }) => breaks(stats, maxBytes));
  if (broken !== undefined) throw new SecretRefused('invalid', broken.why);
}

/** One byte more is asked for, so that a file that grows meanwhile is noticed. */
async function readBounded(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(maxBytes + 1);
  let filled = 0;
  for (let count = -1; count !== 0 && filled < buffer.length; filled += count)
    count = (await file.read(buffer, filled, buffer.length - filled, filled)).bytesRead;
  if (filled > maxBytes) throw new SecretRefused('invalid', 'its file is larger than maxBytes');
  return buffer.subarray(0, filled);
}
