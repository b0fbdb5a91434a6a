import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** sha256 over names and contents of files and folders, wherever they lie; something missing counts as missing. */
export function contentHash(paths) {
  const hash = createHash('sha256');
  for (const path of paths) addTo(hash, path);
  return hash.digest('hex');
}

function addTo(hash, path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) {
    const names = readdirSync(path).sort();
    hash.update(`folder ${basename(path)} ${names.length}\0`);
    for (const name of names) addTo(hash, join(path, name));
    return;
  }
  const content = found ? readFileSync(path) : '';
  hash.update(`${found ? 'file' : 'missing'} ${basename(path)} ${content.length}\0`).update(content);
}
