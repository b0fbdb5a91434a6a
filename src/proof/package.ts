/** An exported package, unpacked where nobody else looks, and gone afterwards. Nothing in it is trusted. */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize, sep } from 'node:path';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { PACKAGE_FILE, type PackageRecord } from '../domain/package.ts';

export const PACKAGE_LIMITS = {
  entries: 1_000_000,
  bytes: 64 * 1024 ** 3,
  entryBytes: 2 * 1024 ** 3,
} as const;

export interface Unpacked {
  folder: string;
  /** The batch in it; null when the package does not say which. */
  batchDir: string | null;
  problem: string | null;
  remove: () => Promise<void>;
}

/** Never throws for what is in the file: damaged, encrypted, too large or hostile is a `problem`. */
export async function unpack(zip: string): Promise<Unpacked> {
  const folder = await mkdtemp(join(tmpdir(), 'imgproof-package-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await extract(zip, folder);
    return { folder, batchDir: await batchIn(folder), problem: null, remove };
  } catch (error) {
    return { folder, batchDir: null, problem: (error as Error).message, remove };
  }
}

async function extract(zip: string, folder: string): Promise<void> {
  const archive = await open(zip);
  try {
    if (archive.entryCount > PACKAGE_LIMITS.entries)
      throw new Error(`has more than ${PACKAGE_LIMITS.entries} files`);
    let left: number = PACKAGE_LIMITS.bytes;
    const names = new Set<string>();
    for await (const entry of entriesOf(archive)) {
      if (entry.fileName.endsWith('/')) continue;
      const name = safeName(entry);
      if (names.has(name.toLowerCase())) throw new Error(`has ${name} twice`);
      names.add(name.toLowerCase());
      left -= entry.uncompressedSize;
      if (left < 0 || entry.uncompressedSize > PACKAGE_LIMITS.entryBytes)
        throw new Error(`is too large at ${name}`);
      await writeEntry(archive, entry, join(folder, name));
    }
  } finally {
    archive.close();
  }
}

function open(zip: string): Promise<yauzl.ZipFile> {
  return new Promise((resolve, reject) => {
    const options = { lazyEntries: true, autoClose: false, strictFileNames: true };
    yauzl.open(zip, options, (error, archive) => {
      if (error !== null) reject(new Error(`is no ZIP that can be read: ${error.message}`));
      else resolve(archive);
    });
  });
}

async function* entriesOf(archive: yauzl.ZipFile): AsyncGenerator<yauzl.Entry> {
  for (;;) {
    const entry = await new Promise<yauzl.Entry | null>((resolve, reject) => {
      archive.once('entry', resolve);
      archive.once('end', () => resolve(null));
      archive.once('error', reject);
      archive.readEntry();
    });
    archive.removeAllListeners();
    if (entry === null) return;
    yield entry;
  }
}

const FILE_TYPE = 0o170000;
const REGULAR = 0o100000;

/** @throws for a link, an encrypted file, and a name that leads elsewhere */
function safeName(entry: yauzl.Entry): string {
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE;
  if (type !== 0 && type !== REGULAR)
    throw new Error(`has something that is no regular file: ${entry.fileName}`);
  if ((entry.generalPurposeBitFlag & 1) !== 0) throw new Error(`is encrypted: ${entry.fileName}`);
  const name = normalize(entry.fileName);
  if (name.startsWith('..') || name.startsWith(sep) || name.includes('\0') || /^[a-z]:/iu.test(name))
    throw new Error(`has a name that leads out of it: ${entry.fileName}`);
  return name;
}

async function writeEntry(archive: yauzl.ZipFile, entry: yauzl.Entry, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const content = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    archive.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error)));
  });
  // What was announced is what is written, however much comes out of it.
  await pipeline(
    content,
    atMost(entry.uncompressedSize),
    createWriteStream(path, { mode: 0o600, flags: 'wx' }),
  );
}

function atMost(limit: number): Transform {
  let left = limit;
  return new Transform({
    transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback) {
      left -= chunk.length;
      done(left < 0 ? new Error('holds more than it says') : null, chunk);
    },
  });
}

async function batchIn(folder: string): Promise<string | null> {
  const record = await readFile(join(folder, PACKAGE_FILE), 'utf8').then(
    (text) => JSON.parse(text) as Partial<PackageRecord>,
    () => null,
  );
  const place = record?.batch_dir;
  if (typeof place !== 'string' || normalize(place).startsWith('..') || normalize(place).startsWith(sep))
    return null;
  return join(folder, place);
}
