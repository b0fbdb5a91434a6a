/** A folder on a file system of its own that is full when a test says so. Needs root: mounting does. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder } from './temp-folder.ts';

export interface SmallDisk {
  folder: string;
  /** Take all the room that is left. */
  fill: () => void;
  /** Give it back. */
  free: () => void;
  remove: () => void;
}

export const SMALL_DISK_NEEDS = 'a small file system can only be mounted by root on Linux';

export function canMount(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

export function smallDisk(size: string): SmallDisk {
  const folder = newFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', folder]);
  const filler = join(folder, 'filler');
  return {
    folder,
    fill: () => fillWith(filler),
    free: () => rmSync(filler, { force: true }),
    remove: () => {
      execFileSync('umount', ['--lazy', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function fillWith(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
      while (isWritten(file, bytes));
    }
  } finally {
    closeSync(file);
  }
}

function isWritten(file: number, bytes: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(bytes)) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
