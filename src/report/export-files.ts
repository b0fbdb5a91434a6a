/**
 * Which files prove a batch, and where they go in a package: the tree stays as it is, so that records find their files.
 * Only what imgproof itself writes goes in, and images: what else lies in a folder, or a record names, may be a secret.
 */
import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { sniffFormat } from '../artifacts/image-file.ts';
import { FILES } from '../domain/layout.ts';
import { listFolder, READ_LIMITS, readRegularFile } from '../proof/safe-read.ts';
import { sha256Of } from '../proof/task-statement.ts';
import type { ReportData, ReportReference } from './report-data.ts';

export interface EvidenceFile {
  /** On this disk. */
  path: string;
  /** Below `evidence/`, with `/`. */
  name: string;
}

export interface EvidenceTree {
  /** In order of their names. */
  files: EvidenceFile[];
  /** The batch's folder below `evidence/`. */
  batchDir: string;
  /** What is not in it, and why: one line each. */
  leftOut: string[];
}

export async function evidenceTree({ batch, tasks }: ReportData): Promise<EvidenceTree> {
  const known = await Promise.all([
    recordsOf(batch.folder, IN_BATCH),
    ...tasks.map((task) => recordsOf(task.run_dir, IN_RUN)),
  ]);
  const strangers = await strangersIn(batch.folder);
  const images = await Promise.all(tasks.map(({ image_path }) => imageAt(image_path)));
  const references: Found[] = [];
  for (const reference of uniqueReferences(tasks.flatMap((task) => task.references)))
    references.push(await referenceAt(reference));
  const found = [...known, ...strangers, ...images, ...references];
  const all = [...new Set(found.flatMap(({ files }) => files))].toSorted((a, b) => (a < b ? -1 : 1));
  const root = commonFolder([...all, join(batch.folder, 'any')]);
  const nameOf = (path: string) => relative(root, path).split(sep).join('/');
  const files = all.map((path) => ({ path, name: nameOf(path) }));
  const unfit = files.filter(({ name }) => !fitsZip(name));
  return {
    files: files.filter(({ name }) => fitsZip(name)),
    batchDir: nameOf(batch.folder),
    leftOut: [
      ...new Set([
        ...found.flatMap(({ leftOut }) => leftOut),
        ...unfit.map(({ path }) => `${path}: a ZIP can't hold this name`),
      ]),
    ].toSorted(),
  };
}

interface Found {
  files: string[];
  leftOut: string[];
}

const NOTHING = /^(?!)/u;
const IN_RUN = {
  file: /^(?:state|result|task|batch_task|command|result\.dsse)\.json$|^std(?:out|err)\.txt$/u,
  folder: /^attempt-\d{2,}$/u,
  below: /^(?:request|result)\.json$|^std(?:out|err)\.txt$|^image\.(?:png|jpe?g|webp)$/u,
};
const IN_BATCH = {
  file: /^(?:batch_request|batch_result|queue_state|manifest\.dsse)\.json$|^manifest\.jsonl$/u,
  // Folders of tasks are looked at on their own.
  folder: NOTHING,
  below: NOTHING,
};

/** Regular files of our own names. Temporary files are nobody's loss, everything else that stays out is told. */
async function recordsOf(folder: string, { file, folder: inner, below }: typeof IN_RUN): Promise<Found> {
  const { files, folders, links } = await listFolder(folder);
  const deeper = await Promise.all(
    folders
      .filter((name) => inner.test(name))
      .map((name) => recordsOf(join(folder, name), { file: below, folder: NOTHING, below: NOTHING })),
  );
  const strange = files.filter((name) => !file.test(name) && !name.endsWith('.tmp'));
  return {
    files: [
      ...files.filter((name) => file.test(name)).map((name) => join(folder, name)),
      ...deeper.flatMap((one) => one.files),
    ],
    leftOut: [
      ...strange.map((name) => `${join(folder, name)}: not a file of imgproof`),
      ...links.map((name) => `${join(folder, name)}: a symbolic link`),
      ...deeper.flatMap((one) => one.leftOut),
    ],
  };
}

/** Run folders in it that nobody ordered: `verify` objects to them here, and has to be able to in the package. */
async function strangersIn(batchDir: string): Promise<Found[]> {
  const { folders } = await listFolder(batchDir);
  return Promise.all(
    folders.filter((name) => name !== FILES.report).map((name) => recordsOf(join(batchDir, name), IN_RUN)),
  );
}

/** The file that `verify` looked at, whole or damaged, as long as it begins as an image does. */
async function imageAt(path: string | null): Promise<Found> {
  if (path === null) return { files: [], leftOut: [] };
  const isImage = await beginsAsImage(path);
  return isImage ? { files: [path], leftOut: [] } : { files: [], leftOut: [`${path}: not an image`] };
}

async function beginsAsImage(path: string): Promise<boolean> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => null,
  );
  try {
    if (file === null || !(await file.stat()).isFile()) return false;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return sniffFormat(buffer.subarray(0, bytesRead)) !== null;
  } finally {
    await file?.close();
  }
}

function uniqueReferences(references: readonly ReportReference[]): ReportReference[] {
  return [...new Map(references.map((one) => [`${one.sha256} ${one.path}`, one])).values()];
}

/** Only the image that was sent: a record may name any file of this machine. */
async function referenceAt({ path, places, sha256 }: ReportReference): Promise<Found> {
  for (const place of places) {
    const read = await readRegularFile(place, READ_LIMITS.imageBytes);
    if (read.kind === 'read' && sha256Of(read.value) === sha256 && sniffFormat(read.value) !== null)
      return { files: [place], leftOut: [] };
  }
  return { files: [], leftOut: [`${path}: not there any more as the image that was sent`] };
}

/** Names that every reader of ZIP files takes for the same file. */
function fitsZip(name: string): boolean {
  return !/[\\\0]|^[a-z]:/iu.test(name) && Buffer.byteLength(name) <= 4_000;
}

function commonFolder(paths: readonly string[]): string {
  const [first = '/', ...others] = paths.map(dirname);
  let common = first;
  for (const folder of others)
    while (common !== folder && !folder.startsWith(common === sep ? sep : `${common}${sep}`))
      common = dirname(common);
  return common;
}
