/** Pictures of the scripted provider: cheap, different for every call, and a person sees at once which call made which. */
import { createHash } from 'node:crypto';
import sharp, { type OverlayOptions } from 'sharp';
import type { ImageFormat } from '../../src/domain/task.ts';

export interface Picture {
  width: number;
  height: number;
  format: ImageFormat;
  /** Decides colours and shapes. */
  seed: string;
  /** Digits drawn large: the call number. */
  label: string;
  /** Goes into the EXIF description, so that equal pixels still are different files. */
  note: string;
  /** 0 to 100, jpeg and webp only. */
  quality: number;
  transparent: boolean;
  /** Encoded images, pasted as thumbnails along the bottom. Throws when one does not decode. */
  references: readonly Buffer[];
}

export async function drawPicture(picture: Picture): Promise<Buffer> {
  const canvas = sharp(Buffer.from(backdrop(picture)))
    .composite(await thumbnails(picture))
    .withExif({ IFD0: { ImageDescription: picture.note } });
  switch (picture.format) {
    case 'png':
      return canvas.png({ compressionLevel: 3 }).toBuffer();
    case 'jpeg':
      return canvas
        .flatten({ background: '#ffffff' })
        .jpeg({ quality: Math.max(1, picture.quality) })
        .toBuffer();
    case 'webp':
      return canvas.webp({ quality: Math.max(1, picture.quality), effort: 0 }).toBuffer();
  }
}

/** Gradient, soft discs, frame, number and size as one SVG of plain shapes: no font is needed. */
function backdrop({ width, height, seed, label, transparent, references }: Picture): string {
  const dice = createHash('sha256').update(seed).digest();
  const hue = dice.readUInt16BE(0) % 360;
  const other = hue + 50 + ((dice[2] ?? 0) % 90);
  const unit = Math.min(width, height) / 32;
  const free = height - (references.length === 0 ? 0 : thumbnailSide(width, height, references.length));
  const digit = Math.min((width * 0.7) / (6 * label.length - 1), free / 16);
  const top = free / 2 - digit * 4.5;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <linearGradient id="g" x2="1" y2="1"><stop stop-color="hsl(${hue},70%,52%)"/>
      <stop offset="1" stop-color="hsl(${other % 360},75%,34%)"/></linearGradient>
    ${transparent ? '' : `<rect width="100%" height="100%" fill="url(#g)"/>`}
    ${[3, 6, 9, 12].map((at) => disc(dice.subarray(at, at + 3), width, height, other)).join('')}
    <rect x="${unit}" y="${unit}" width="${width - 2 * unit}" height="${height - 2 * unit}" rx="${unit}"
      fill="none" stroke="#fff" stroke-opacity=".85" stroke-width="${unit / 4}"/>
    ${text(label, width / 2 + digit * 0.3, top + digit * 0.3, digit, 'fill="#000" fill-opacity=".35"')}
    ${text(label, width / 2, top, digit, 'fill="#fff"')}
    ${text(`${width}x${height}`, width / 2, top + digit * 8.5, unit / 6, 'fill="#fff" fill-opacity=".8"')}
  </svg>`;
}

function disc([x = 0, y = 0, r = 0]: Uint8Array, width: number, height: number, hue: number): string {
  const radius = Math.min(width, height) * (0.12 + r / 1000);
  return `<circle cx="${(x / 255) * width}" cy="${(y / 255) * height}" r="${radius}"
    fill="hsl(${(hue + r / 4) % 360},95%,78%)" fill-opacity=".25"/>`;
}

/** Glyphs of five columns and seven rows, a row per number, the leftmost column is bit 4. */
const GLYPHS: Record<string, readonly number[]> = {
  '0': [14, 17, 19, 21, 25, 17, 14],
  '1': [4, 12, 4, 4, 4, 4, 14],
  '2': [14, 17, 1, 2, 4, 8, 31],
  '3': [31, 2, 4, 2, 1, 17, 14],
  '4': [2, 6, 10, 18, 31, 2, 2],
  '5': [31, 16, 30, 1, 1, 17, 14],
  '6': [6, 8, 16, 30, 17, 17, 14],
  '7': [31, 1, 2, 4, 8, 8, 8],
  '8': [14, 17, 17, 14, 17, 17, 14],
  '9': [14, 17, 17, 15, 1, 2, 12],
  x: [0, 0, 17, 10, 4, 10, 17],
};

function text(characters: string, centre: number, top: number, cell: number, style: string): string {
  const left = centre - ((6 * characters.length - 1) * cell) / 2;
  const cells = Array.from(characters).flatMap((character, index) =>
    (GLYPHS[character] ?? []).flatMap((bits, row) =>
      [0, 1, 2, 3, 4]
        .filter((column) => bits & (16 >> column))
        .map(
          (column) => `M${left + (index * 6 + column) * cell} ${top + row * cell}h${cell}v${cell}h-${cell}z`,
        ),
    ),
  );
  return `<path d="${cells.join('')}" ${style}/>`;
}

function thumbnailSide(width: number, height: number, count: number): number {
  return Math.floor(Math.min(height / 4, (width * 0.85) / count));
}

async function thumbnails({ width, height, references }: Picture): Promise<OverlayOptions[]> {
  const slot = thumbnailSide(width, height, references.length);
  const side = Math.max(8, Math.floor(slot * 0.86));
  const border = Math.max(1, Math.floor(side / 40));
  const left = (width - slot * references.length) / 2 + (slot - side) / 2;
  return Promise.all(
    references.map(async (reference, index) => ({
      input: await sharp(reference)
        .resize(side - 2 * border, side - 2 * border, { fit: 'cover' })
        .extend({ top: border, bottom: border, left: border, right: border, background: '#ffffff' })
        .png({ compressionLevel: 0 })
        .toBuffer(),
      left: Math.round(left + index * slot),
      top: Math.round(height - side - Math.min(width, height) / 12),
    })),
  );
}
