/** A list of folders that commands add to and the background worker reads. */
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { FOLDER_MODE, jsonText } from './durable-file.ts';

/** Adds a folder to the list kept in `store`. One file for each: commands that start together lose nobody's. */
export function rememberFolder(store: string, folder: string, schemaVersion: number): void {
  const path = resolve(folder);
  const file = join(store, `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`);
  if (existsSync(file)) return;
  mkdirSync(store, { recursive: true, mode: FOLDER_MODE });
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  writeFileSync(temporary, jsonText({ schema_version: schemaVersion, path }), { mode: 0o600 });
  renameSync(temporary, file);
}

export function rememberedFolders(store: string): string[] {
  if (!existsSync(store)) return [];
  const files = readdirSync(store).filter((file) => file.endsWith('.json'));
  return files.map((file) => (JSON.parse(readFileSync(join(store, file), 'utf8')) as { path: string }).path);
}

/** Each folder as it was written and as it is behind its links. */
export function withRealPaths(folders: readonly string[]): string[] {
  const written = folders.map((folder) => resolve(folder));
  return [...new Set([...written, ...written.map(realPath)])];
}

function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    // It need not exist yet.
    return folder;
  }
}
