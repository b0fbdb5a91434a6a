/** A copy of the built package, for tests that change what a build consists of. */
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface BuiltPackage {
  bin: string;
  /** Names the sources of the build. */
  stamp: string;
}

export function copyBuiltPackage(folder: string): BuiltPackage {
  mkdirSync(folder, { recursive: true });
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return { bin: join(folder, 'bin', 'imgproof.js'), stamp: join(folder, 'dist', '.stamp') };
}
