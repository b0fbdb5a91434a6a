/** A ZIP written entry after entry, each file read when its turn comes: memory does not grow with what is in it. */
import { constants, createWriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { callbackify } from 'node:util';
import yazl from 'yazl';

export type ZipEntry = { name: string; text: string } | { name: string; path: string };

/** Everything that compresses not at all is stored: images, thumbnails. */
const STORED = /\.(?:png|jpe?g|webp)$/iu;

/** @throws what the disk throws; a link or anything else than a regular file is refused. */
export async function writeZip(target: string, entries: Iterable<ZipEntry>): Promise<void> {
  const archive = new yazl.ZipFile();
  const out = archive.outputStream as NodeJS.ReadableStream & { destroy: (error: Error) => void };
  // A file that can't be read ends the whole: half a package would be none.
  archive.on('error', (error: Error) => out.destroy(error));
  const written = pipeline(out, createWriteStream(target, { mode: 0o600, flags: 'wx' }));
  for (const entry of entries) {
    const options = { compress: !STORED.test(entry.name), mode: 0o100644 };
    if ('text' in entry) archive.addBuffer(Buffer.from(entry.text), entry.name, options);
    else
      archive.addReadStreamLazy(
        entry.name,
        options,
        callbackify(() => opened(entry.path)),
      );
  }
  archive.end();
  await written;
}

async function opened(path: string): Promise<NodeJS.ReadableStream> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file.createReadStream();
  await file.close();
  throw new Error(`${path} is no regular file`);
}
