/** Reference images: what may be read and sent to the provider, and nothing else (DESIGN 6). */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { type ImageFormat, type InputImage, TASK_LIMITS } from '../domain/task.ts';
import { type OpenFailure, openPlain, readFirst } from '../host/plain-file.ts';
import { type PixelSize, readPixelSize, sniffFormat } from './image-header.ts';

/** A reference that can't be used; the message names the file, the reason and the remedy. */
export class ReferenceProblem extends Error {
  override name = 'ReferenceProblem';
  readonly path: string;

  constructor(path: string, why: string) {
    super(`reference image ${JSON.stringify(path)} ${why}`);
    this.path = path;
  }
}

export interface ReferenceFile {
  /** Read once: these are the bytes that were checked, hashed, and are to be sent. */
  bytes: Buffer;
  sha256: string;
  mime: InputImage['mime'];
}

/**
 * Open the file once without following a link, and bring it back when it is a PNG, JPEG or WebP image of 1 byte to
 * 50 MiB whose real path lies in one of the roots (null: anywhere). Throws `ReferenceProblem`; never blocks on a device.
 */
export async function readReference(path: string, roots: readonly string[] | null): Promise<ReferenceFile> {
  const file = await openPlain(
    path,
    (failure, code) => new ReferenceProblem(path, cannotOpen(failure, code)),
  );
  try {
    const stats = await file.stat();
    await refuseOutside(path, stats, roots);
    refuseUnfit(path, stats);
    return asReference(path, await readWhole(path, file, stats.size));
  } finally {
    await file.close();
  }
}

function cannotOpen(failure: OpenFailure, code: string): string {
  return failure === 'other' ? `cannot be opened (${code})` : OPEN_FAILURES[failure];
}

const OPEN_FAILURES: Record<Exclude<OpenFailure, 'other'>, string> = {
  missing: 'does not exist; check the path',
  'missing folder': 'does not exist: a part of its path is not a folder; check the path',
  unreadable: 'is not readable for this user; change its permissions',
  link: 'is a symbolic link; give the path of the file itself',
  special: 'is not a regular file (a socket or a device); give an image file',
};

/** The path may lead through links, so where it ends is asked, and that it is the file opened. */
async function refuseOutside(path: string, opened: Stats, roots: readonly string[] | null): Promise<void> {
  if (roots === null) return;
  const real = await realpath(path).catch(() => null);
  const found = real === null ? null : await stat(real).catch(() => null);
  if (real === null || found === null || found.ino !== opened.ino || found.dev !== opened.dev) {
    throw new ReferenceProblem(path, 'was replaced while it was opened; try again');
  }
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => null)));
  if (realRoots.some((root) => root !== null && isInside(real, root))) return;
  const allowed = roots.length === 0 ? 'none is configured' : roots.join(', ');
  throw new ReferenceProblem(
    path,
    `is outside of the allowed folders (${allowed}); move it there or add its folder to inputRoots`,
  );
}

function isInside(path: string, root: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}

function refuseUnfit(path: string, stats: Stats): void {
  if (stats.isDirectory()) throw new ReferenceProblem(path, 'is a folder; give an image file');
  if (!stats.isFile())
    throw new ReferenceProblem(path, 'is not a regular file (a pipe or a device); give an image file');
  if (stats.size === 0) throw new ReferenceProblem(path, 'is empty; give an image file');
  if (stats.size > TASK_LIMITS.referenceBytes) {
    const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
    throw new ReferenceProblem(
      path,
      `is too large: ${mib(stats.size)} (${stats.size} bytes), at most ${mib(TASK_LIMITS.referenceBytes)} can be sent; scale it down`,
    );
  }
}

/** One byte more than there should be is asked for, so that a file being written to is noticed. */
async function readWhole(path: string, file: FileHandle, sizeBytes: number): Promise<Buffer> {
  const bytes = await readFirst(file, sizeBytes + 1);
  if (bytes.length !== sizeBytes)
    throw new ReferenceProblem(path, 'changed while it was read; try again when it is written');
  return bytes;
}

function asReference(path: string, bytes: Buffer): ReferenceFile {
  const format = sniffFormat(bytes);
  if (format === null) throw new ReferenceProblem(path, 'is not a PNG, JPEG or WebP image; convert it first');
  refusePixels(path, format, readPixelSize(bytes, format));
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), mime: `image/${format}` };
}

function refusePixels(path: string, format: ImageFormat, size: PixelSize | null): void {
  if (size === null)
    throw new ReferenceProblem(
      path,
      `is a damaged ${format.toUpperCase()} file: its header names no pixel size; save it anew`,
    );
  if (size.width * size.height > TASK_LIMITS.referencePixels)
    throw new ReferenceProblem(
      path,
      `claims to have ${size.width} x ${size.height} pixels, more than can be sent; scale it down`,
    );
}
