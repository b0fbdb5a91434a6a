/** A file that holds secrets: read only when nobody but its owner, who is us, can read or replace what is in it. */
import type { Stats } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type OpenFailure, openPlain, readFirst } from '../host/plain-file.ts';
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
  const file = await openPlain(path, cannotOpen);
  try {
    refuseUnfit(await file.stat(), maxBytes);
    // Its size was looked at, but it may grow meanwhile.
    const bytes = await readFirst(file, maxBytes + 1);
    if (bytes.length > maxBytes) throw new SecretRefused('invalid', TOO_LARGE);
    return bytes;
  } finally {
    await file.close();
  }
}

function cannotOpen(failure: OpenFailure, code: string): SecretRefused {
  const isMissing = failure === 'missing' || failure === 'missing folder';
  const why = failure === 'other' ? `its file cannot be opened (${code})` : OPEN_FAILURES[failure];
  return new SecretRefused(isMissing ? 'no_key' : 'invalid', why);
}

const MISSING = 'its file does not exist; create it, or correct path';
const NOT_REGULAR = 'its file is not a regular file';
const TOO_LARGE = 'its file is larger than maxBytes';

const OPEN_FAILURES: Record<Exclude<OpenFailure, 'other'>, string> = {
  missing: MISSING,
  'missing folder': MISSING,
  unreadable: 'its file is not readable for the user of the worker; change its owner',
  link: 'its file is a symbolic link; set path to the file itself',
  special: NOT_REGULAR,
};

/** The rules for the opened file, in the order they are told. */
const RULES: { breaks: (stats: Stats, maxBytes: number) => boolean; why: string }[] = [
  { breaks: (stats) => !stats.isFile(), why: NOT_REGULAR },
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
  { breaks: ({ size }, maxBytes) => size > maxBytes, why: TOO_LARGE },
];

const OTHERS_READ_OR_WRITE = 0o066;

function refuseUnfit(stats: Stats, maxBytes: number): void {
  const broken = RULES.find(({ breaks }) => breaks(stats, maxBytes));
  if (broken !== undefined) throw new SecretRefused('invalid', broken.why);
}
