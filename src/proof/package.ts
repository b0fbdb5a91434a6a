/** An exported package, unpacked where nobody else looks, and gone afterwards. Nothing in it is trusted. */
import { createWriteStream } from 'node:fs';
import { mkdir, open as openFile, stat, statfs } from 'node:fs/promises';
import { dirname, extname, join, normalize, sep } from 'node:path';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { PACKAGE_FILE } from '../domain/package.ts';
import { privateFolder } from './private-folder.ts';
import { readRecord } from './safe-read.ts';

export const PACKAGE_LIMITS = {
  entries: 1_000_000,
  bytes: 64 * 1024 ** 3,
  entryBytes: 2 * 1024 ** 3,
  /** What is larger than `freelyBytes` unpacked may be this many times as large as the package: images do not shrink. */
  timesItsSize: 100,
  freelyBytes: 256 * 1024 ** 2,
} as const;

/** Of a first entry, or of an archive without any. */
const ZIP_MAGIC = new Set(['504b0304', '504b0506']);

/** By its name or its first bytes. */
export async function looksLikePackage(path: string): Promise<boolean> {
  if (extname(path).toLowerCase() === '.zip') return true;
  const file = await openFile(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return ZIP_MAGIC.has(buffer.toString('hex', 0, bytesRead));
  } finally {
    await file.close();
  }
}

export interface Unpacked {
  folder: string;
  /** The batch in it; null when the package does not say which. */
  batchDir: string | null;
  problem: string | null;
  remove: () => Promise<void>;
}

/** Never throws for what is in the file: damaged, encrypted, too large or hostile is a `problem`. */
export async function unpack(zip: string): Promise<Unpacked> {
  const { path: folder, remove } = await privateFolder('imgproof-package-');
  try {
    const evidence = await extract(zip, folder);
    return { folder, ...(await contentOf(folder, evidence)), remove };
  } catch (error) {
    const problem = (error as Error).message.replaceAll(`${folder}${sep}`, '');
    return { folder, batchDir: null, problem, remove };
  }
}

/** How many files of evidence there are. */
async function extract(zip: string, folder: string): Promise<number> {
  const archive = await open(zip);
  let evidence = 0;
  try {
    if (archive.entryCount > PACKAGE_LIMITS.entries)
      throw new Error(`has more than ${PACKAGE_LIMITS.entries} files`);
    const room = await roomFor(zip, folder);
    const names = new Set<string>();
    for await (const entry of entriesOf(archive)) {
      if (entry.fileName.endsWith('/')) continue;
      const name = safeName(entry);
      if (names.has(name)) throw new Error(`has ${name} twice`);
      names.add(name);
      room.take(entry);
      await writeEntry(archive, entry, join(folder, name));
      if (name.startsWith(`evidence${sep}`)) evidence += 1;
    }
  } finally {
    archive.close();
  }
  return evidence;
}

/** A small file that becomes a large one is made to fill the disk. */
async function roomFor(zip: string, folder: string): Promise<{ take: (entry: yauzl.Entry) => void }> {
  const [{ size }, { bavail, bsize }] = await Promise.all([stat(zip), statfs(folder)]);
  const { bytes, entryBytes, timesItsSize, freelyBytes } = PACKAGE_LIMITS;
  const most = Math.min(bytes, Math.max(freelyBytes, size * timesItsSize));
  let taken = 0;
  const take = ({ fileName, uncompressedSize }: yauzl.Entry) => {
    taken += uncompressedSize;
    if (taken > most || uncompressedSize > entryBytes)
      throw new Error(`is too large at ${fileName}: ${taken} bytes or more, from ${size}`);
    if (taken > bavail * bsize)
      throw new Error(
        `needs more room than there is on the disk of temporary files (${bavail * bsize} bytes)`,
      );
  };
  return { take };
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
  await pipeline(content, asAnnounced(entry), createWriteStream(path, { mode: 0o600, flags: 'wx' }));
}

/** yauzl itself looks at the size alone. */
function asAnnounced({ fileName, uncompressedSize, crc32: announced }: yauzl.Entry): Transform {
  let left = uncompressedSize;
  let sum = 0;
  return new Transform({
    transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback) {
      left -= chunk.length;
      sum = crc32(chunk, sum);
      done(left < 0 ? new Error(`holds more than it says: ${fileName}`) : null, chunk);
    },
    flush(done: TransformCallback) {
      done(
        sum === announced ? null : new Error(`is damaged: ${fileName} has another checksum than announced`),
      );
    },
  });
}

/** The package's own record is held against what came out of it. */
async function contentOf(
  folder: string,
  evidence: number,
): Promise<{ batchDir: string | null; problem: string | null }> {
  const read = await readRecord(folder, PACKAGE_FILE);
  if (read.kind === 'missing') return { batchDir: null, problem: null };
  if (read.kind === 'refused')
    return { batchDir: null, problem: `cannot be used: its ${PACKAGE_FILE} ${read.problem}` };
  const { batch_dir: place, files } = read.value;
  if (typeof place !== 'string' || normalize(place).startsWith('..') || normalize(place).startsWith(sep))
    return { batchDir: null, problem: null };
  if (files !== evidence)
    return {
      batchDir: null,
      problem: `is not whole: it says it holds ${String(files)} files of evidence and holds ${evidence}`,
    };
  return { batchDir: join(folder, place), problem: null };
}
