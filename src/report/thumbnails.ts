/** Small WebP copies for the contact sheet; the originals are only read. */
import { randomBytes } from 'node:crypto';
import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { mapLimited } from '../proof/map-limited.ts';
import { READ_LIMITS, readRegularFile } from '../proof/safe-read.ts';
import { sha256Of } from '../proof/task-statement.ts';

export const THUMBS = 'thumbs';

const EDGE_PIXELS = 640;
/** Decoding needs some 10 bytes a pixel; two at once keep two cores busy. */
const AT_ONCE = 2;
const MAX_PIXELS = 34_000_000;

export interface Picture {
  /** Where it may lie, best first. */
  places: readonly string[];
  /** Content that it has to have; null: whatever is there. */
  sha256: string | null;
}

export interface Thumbnail {
  /** Below the report's folder, with `/`. */
  name: string;
  /** The original. */
  path: string;
}

/** In the order of `pictures`; null for one that is not there, has other content, or can't be decoded. */
export async function thumbnailsOf(
  reportDir: string,
  pictures: readonly Picture[],
): Promise<(Thumbnail | null)[]> {
  const folder = join(reportDir, THUMBS);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const made = new Map<string, Promise<string | null>>();
  const thumbs = await mapLimited(pictures, AT_ONCE, async (picture) => {
    const original = await readOriginal(picture);
    if (original === null) return null;
    const name = await once(made, original.sha256, () => thumbnail(folder, original));
    return name === null ? null : { name: `${THUMBS}/${name}`, path: original.path };
  });
  await removeOthers(folder, new Set(thumbs.flatMap((thumb) => thumb?.name.slice(THUMBS.length + 1) ?? [])));
  return thumbs;
}

interface Original {
  path: string;
  bytes: Buffer;
  sha256: string;
}

async function readOriginal({ places, sha256: wanted }: Picture): Promise<Original | null> {
  for (const path of places) {
    const read = await readRegularFile(path, READ_LIMITS.imageBytes);
    if (read.kind !== 'read') continue;
    const sha256 = sha256Of(read.value);
    if (wanted === null || wanted === sha256) return { path, bytes: read.value, sha256 };
  }
  return null;
}

/** The same picture in two tasks is made once, not twice at the same time. */
function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const promise = made.get(key) ?? make();
  made.set(key, promise);
  return promise;
}

/** Named after the image's content, so that it is made once, and anew when the image is another one. */
async function thumbnail(folder: string, { bytes, sha256 }: Original): Promise<string | null> {
  const name = `${sha256.slice(0, 24)}.webp`;
  const path = join(folder, name);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) return name;
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const small = await sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'none' })
      .rotate()
      .resize(EDGE_PIXELS, EDGE_PIXELS, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 82 })
      .toBuffer();
    await writeFile(temporary, small, { mode: 0o600, flag: 'wx' });
    await rename(temporary, path);
    return name;
  } catch {
    await rm(temporary, { force: true });
    return null;
  }
}

const OURS = /^[0-9a-f]{24}\.webp$/u;

/** Of images that are no longer in the report. */
async function removeOthers(folder: string, used: ReadonlySet<string>): Promise<void> {
  const names = await readdir(folder);
  const old = names.filter((name) => OURS.test(name) && !used.has(name));
  await Promise.all(old.map((name) => rm(join(folder, name), { force: true })));
}
