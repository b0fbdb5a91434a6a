import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** sha256 over names and contents of the files and folders; what is missing counts as missing, without an error. */
export function contentHash(paths) {
  const hash = createHash('sha256');
  for (const path of paths) addTo(hash, path);
  return hash.digest('hex');
}

function addTo(hash, path) {
  const found = statSync(path, { throwIfNoEntry: false });
  hash.update(`${path.length} ${path}\0`);
  if (found?.isDirectory()) {
    for (const name of readdirSync(path).sort()) addTo(hash, join(path, name));
  } else if (found) {
    const content = readFileSync(path);
    hash.update(`${content.length}\0`).update(content);
  }
}
