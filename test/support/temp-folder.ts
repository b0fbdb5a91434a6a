import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of this test, removed when it ends. */
export function tempFolder(): string {
  const path = newFolder();
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** For whoever removes it himself. */
export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'imgproof-'));
}
