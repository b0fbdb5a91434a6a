/** Small WebP copies for the contact sheet; the originals are only read. */
import { access, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { sha256Of } from '../proof/task-statement.ts';
import { mapLimited } from '../proof/map-limited.ts';
import { READ_LIMITS, readRegularFile } from '../proof/safe-read.ts';

export const THUMBS = 'thumbs';

const EDGE_PIXELS = 480;
/** Decoding needs some 10 bytes a pixel; two at once keep two cores busy. */
const AT_ONCE = 2;
const MAX_PIXELS = 34_000_000;

/** Name of the thumbnail below the report's folder by path of its image; images that can't be read have none. */
export async function thumbnailsOf(
  reportDir: string,
  images: readonly string[],
): Promise<Map<string, string>> {
  await mkdir(join(reportDir, THUMBS), { recursive: true, mode: 0o700 });
  const made = await mapLimited([...new Set(images)], AT_ONCE, async (image) => {
    const name = await thumbnail(reportDir, image).catch(() => null);
    return name === null ? [] : [[image, name] as const];
  });
  return new Map(made.flat());
}

/** Named after the image's content, so that it is made once, and anew when the image is another one. */
async function thumbnail(reportDir: string, image: string): Promise<string | null> {
  const read = await readRegularFile(image, READ_LIMITS.imageBytes);
  if (read.kind !== 'read') return null;
  const name = `${THUMBS}/${sha256Of(read.value).slice(0, 24)}.webp`;
  const path = join(reportDir, name);
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) return name;
  const small = sharp(read.value, { limitInputPixels: MAX_PIXELS, failOn: 'none' })
    .rotate()
    .resize(EDGE_PIXELS, EDGE_PIXELS, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 80 });
  await small.toFile(`${path}.tmp`);
  await rename(`${path}.tmp`, path);
  return name;
}
