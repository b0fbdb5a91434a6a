/** Packages made wrong on purpose, byte by byte. */
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';
import { tempFolder } from './temp-folder.ts';

export async function zipOf(
  files: Record<string, string>,
  mode = 0o100644,
  compress = false,
): Promise<Buffer> {
  const archive = new yazl.ZipFile();
  for (const [name, text] of Object.entries(files))
    archive.addBuffer(Buffer.from(text), name, { mode, compress });
  archive.end();
  const path = join(tempFolder(), 'made.zip');
  await pipeline(archive.outputStream, createWriteStream(path));
  return readFileSync(path);
}

/** The directory's first entry says so, whatever is in it. */
export function announcing(zip: Buffer, bytes: number): Buffer {
  const changed = Buffer.from(zip);
  changed.writeUInt32LE(bytes, zip.indexOf(CENTRAL) + 24);
  return changed;
}

/** In the order of the file. */
export function namesOf(zip: Buffer): string[] {
  const names: string[] = [];
  for (let at = zip.indexOf(CENTRAL); at !== -1; at = zip.indexOf(CENTRAL, at + 4))
    names.push(zip.toString('utf8', at + 46, at + 46 + zip.readUInt16LE(at + 28)));
  return names;
}

const CENTRAL = Buffer.from([0x50, 0x4b, 1, 2]);

/** In both headers, by a name of the same length. */
export function renamed(zip: Buffer, from: string, to: string): Buffer {
  if (to.length !== from.length) throw new Error(`'${from}' and '${to}' differ in length`);
  const name = (text: string) => Buffer.from(text);
  const changed = Buffer.from(zip);
  for (
    let at = zip.lastIndexOf(name(from));
    at !== -1;
    at = at === 0 ? -1 : zip.lastIndexOf(name(from), at - 1)
  )
    if (isName(zip, at, from.length)) name(to).copy(changed, at);
  return changed;
}

/** Behind a local header (30 bytes) or a central one (46 bytes). */
function isName(zip: Buffer, at: number, length: number): boolean {
  const is = (back: number, signature: number, lengthAt: number) =>
    at >= back &&
    zip.readUInt32LE(at - back) === signature &&
    zip.readUInt16LE(at - back + lengthAt) === length;
  return is(30, 0x04034b50, 26) || is(46, 0x02014b50, 28);
}
