/** Which files prove a batch, and where they go in a package: the tree stays as it is, so that records find their files. */
import { lstat, readdir } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { ReportData } from './report-data.ts';

export interface EvidenceFile {
  /** On this disk. */
  path: string;
  /** Below `evidence/`, with `/`. */
  name: string;
}

export interface EvidenceTree {
  files: EvidenceFile[];
  /** The batch's folder below `evidence/`. */
  batchDir: string;
}

/** Regular files of the batch's and its tasks' folders, images, references. Links and temporary files stay out. */
export async function evidenceTree({ batch, tasks }: ReportData): Promise<EvidenceTree> {
  const folders = [batch.folder, ...tasks.map(({ run_dir }) => run_dir)];
  const named = tasks.flatMap(({ image_path, references }) => [
    ...(image_path === null ? [] : [image_path]),
    ...references.map(({ path }) => path),
  ]);
  const below = (await Promise.all(folders.map(filesBelow))).flat();
  const all = [...new Set([...below, ...(await existing(named))])].sort((a, b) => (a < b ? -1 : 1));
  const root = commonFolder([...all, join(batch.folder, 'any')]);
  const nameOf = (path: string) => relative(root, path).split(sep).join('/');
  return { files: all.map((path) => ({ path, name: nameOf(path) })), batchDir: nameOf(batch.folder) };
}

/** The report is made anew for the package. */
const LEFT_OUT = /\.tmp$|^report(?:\/|$)/u;

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !LEFT_OUT.test(relative(folder, path).split(sep).join('/')));
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => ((await lstat(path).catch(() => null))?.isFile() === true ? [path] : [])),
  );
  return found.flat();
}

function commonFolder(paths: readonly string[]): string {
  const [first = '/', ...others] = paths.map(dirname);
  let common = first;
  for (const folder of others)
    while (common !== folder && !folder.startsWith(common === sep ? sep : `${common}${sep}`))
      common = dirname(common);
  return common;
}
