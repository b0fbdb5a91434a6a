/** `imgproof export`: one ZIP that holds everything a reviewer needs, and that `verify` accepts as it is. */
import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { PACKAGE_FILE, type PackageRecord } from '../domain/package.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import type { TrustedKeys } from '../proof/dsse.ts';
import { privateFolder } from '../proof/private-folder.ts';
import { trustFiles } from '../proof/trust-list.ts';
import { type EvidenceTree, evidenceTree } from './export-files.ts';
import { readmeOf } from './export-readme.ts';
import { filesIn } from './files-in.ts';
import type { Language } from './page.ts';
import { reportData, type ReportData } from './report-data.ts';
import { encodedLink, renderReport } from './write-report.ts';
import { writeZip, type ZipEntry } from './zip-file.ts';

export interface ExportOptions {
  keys: TrustedKeys;
  lang: Language;
  /** Replace a file that is there. */
  force: boolean;
  /** Writes workflow histories as JSON into this folder; `missing` says what is not among them and why. */
  histories: (folder: string) => Promise<{ missing: string | null }>;
}

export interface Exported {
  zip: string;
  sizeBytes: number;
  record: PackageRecord;
  data: ReportData;
  missingHistories: string | null;
}

/** Somebody's file would be lost, or there is no such place. */
export class ExportRefused extends Error {
  override name = 'ExportRefused';
}

/**
 * Null when there is no batch in this folder. Whole or not at all: a reader never finds half a package.
 * @throws ExportRefused when the place is taken or missing, or a file changed meanwhile
 */
export async function exportBatch(
  batchDir: string,
  zip: string,
  options: ExportOptions,
): Promise<Exported | null> {
  await checkPlace(zip, options.force);
  const temporary = `${resolve(zip)}.${randomBytes(6).toString('hex')}.tmp`;
  const work = await privateFolder('imgproof-export-', temporary);
  try {
    const { keys, lang } = options;
    const data = await reportData(batchDir, { keys });
    if (data === null) return null;
    const tree = await evidenceTree(data);
    await renderReport(data, { keys, lang, reportDir: join(work.path, 'report'), linkTo: linkInto(tree) });
    const histories = join(work.path, 'histories');
    await mkdir(histories);
    const { missing } = await options.histories(histories);
    const record = await recordOf(data, tree, histories);
    const readme = readmeOf(record, missing);
    await writeZip(temporary, await entriesOf(work.path, tree, { record, readme, keys }));
    const { size } = await lstat(temporary);
    await moveTo(temporary, zip, options.force);
    return { zip, sizeBytes: size, record, data, missingHistories: missing };
  } catch (error) {
    throw refusal(error, zip);
  } finally {
    await rm(temporary, { force: true });
    await work.remove();
  }
}

async function checkPlace(zip: string, force: boolean): Promise<void> {
  const taken = await lstat(zip).catch(() => null);
  if (taken?.isDirectory() === true) throw new ExportRefused(`${zip} is a folder: give the name of a file`);
  if (taken !== null && !force) throw alreadyThere(zip);
  const folder = await lstat(dirname(resolve(zip))).catch(() => null);
  if (folder === null) throw new ExportRefused(`there is no folder ${dirname(resolve(zip))} for it`);
}

function alreadyThere(zip: string): ExportRefused {
  return new ExportRefused(`${zip} is there already: give another name, or --force`);
}

/** Without `force` a file that came meanwhile is nobody's to replace either. */
async function moveTo(temporary: string, zip: string, force: boolean): Promise<void> {
  if (force) return rename(temporary, zip);
  await link(temporary, zip).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw alreadyThere(zip);
    // Some disks know no second names.
    return rename(temporary, zip);
  });
}

function refusal(error: unknown, zip: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !/^E[A-Z]+$/u.test(code)) return error;
  const again =
    code === 'ENOENT' ? ': a file went away meanwhile; the batch may still run, export it again' : '';
  return new ExportRefused(`${zip} was not written: ${message}${again}`);
}

function linkInto({ files }: EvidenceTree): (path: string) => string | null {
  const names = new Map(files.map(({ path, name }) => [path, name]));
  return (path) => {
    const name = names.get(path);
    return name === undefined ? null : encodedLink(['..', 'evidence', ...name.split('/')]);
  };
}

async function recordOf(
  { batch }: ReportData,
  tree: EvidenceTree,
  histories: string,
): Promise<PackageRecord> {
  return {
    schema_version: SCHEMA_VERSION,
    batch_id: batch.id,
    batch_name: batch.name,
    exported_at: new Date().toISOString(),
    batch_dir: tree.batchDir === '' ? 'evidence' : `evidence/${tree.batchDir}`,
    histories: (await filesIn(histories)).map((name) => `histories/${name}`),
    files: tree.files.length,
    left_out: tree.leftOut,
  };
}

async function entriesOf(
  work: string,
  { files }: EvidenceTree,
  { record, readme, keys }: { record: PackageRecord; readme: string; keys: TrustedKeys },
): Promise<ZipEntry[]> {
  const json = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
  const made = async (folder: string) =>
    (await filesIn(join(work, folder))).map((name) => ({
      name: `${folder}/${name}`,
      path: join(work, folder, name),
    }));
  return [
    { name: 'README.txt', text: readme },
    { name: PACKAGE_FILE, text: json(record) },
    { name: 'keys.json', text: json({ schema_version: SCHEMA_VERSION, keys: keys.keys }) },
    ...trustFiles().map((path) => ({ name: `trust/${basename(path)}`, path })),
    ...(await made('histories')),
    ...(await made('report')),
    ...files.map(({ path, name }) => ({ name: `evidence/${name}`, path })),
  ];
}
