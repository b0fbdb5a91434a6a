/** `imgproof export`: one ZIP that holds everything a reviewer needs, and that `verify` accepts as it is. */
import { createWriteStream } from 'node:fs';
import { lstat, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';
import { PACKAGE_FILE, type PackageRecord } from '../domain/package.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import type { TrustedKeys } from '../proof/dsse.ts';
import { trustFiles } from '../proof/trust-list.ts';
import { evidenceTree } from './export-files.ts';
import { filesIn } from './files-in.ts';
import { readmeOf } from './export-readme.ts';
import { type Language } from './page.ts';
import { type WrittenReport, writeReport } from './write-report.ts';

export interface ExportOptions {
  keys: TrustedKeys;
  lang: Language;
  /** Replace a file that is there. */
  force: boolean;
  /** Workflow histories as JSON by name, or why there are none. */
  histories: Map<string, string> | { missing: string };
}

export interface Exported {
  zip: string;
  sizeBytes: number;
  record: PackageRecord;
  report: WrittenReport;
}

/** Somebody's file would be lost. */
export class ExportRefused extends Error {
  override name = 'ExportRefused';
}

/** Null when there is no batch in this folder. Whole or not at all: a reader never finds half a package. */
export async function exportBatch(
  batchDir: string,
  zip: string,
  { keys, lang, force, histories }: ExportOptions,
): Promise<Exported | null> {
  if (!force && (await lstat(zip).catch(() => null)) !== null)
    throw new ExportRefused(`${zip} is there already: give another name, or --force`);
  const work = await mkdtemp(join(tmpdir(), 'imgproof-export-'));
  const temporary = `${zip}.tmp`;
  try {
    const report = await writeReport(batchDir, {
      keys,
      lang,
      reportDir: join(work, 'report'),
      originals: 'evidence',
    });
    if (report === null) return null;
    const record = await pack(report, join(work, 'report'), temporary, { keys, histories });
    const { size } = await lstat(temporary);
    await rename(temporary, zip);
    return { zip, sizeBytes: size, record, report };
  } finally {
    await rm(temporary, { force: true });
    await rm(work, { recursive: true, force: true });
  }
}

/** Everything that compresses not at all is stored: images, thumbnails. */
const STORED = /\.(?:png|jpe?g|webp)$/iu;

async function pack(
  { data }: WrittenReport,
  reportDir: string,
  target: string,
  { keys, histories }: Pick<ExportOptions, 'keys' | 'histories'>,
): Promise<PackageRecord> {
  const tree = await evidenceTree(data);
  const named = histories instanceof Map ? [...histories] : [];
  const record: PackageRecord = {
    schema_version: SCHEMA_VERSION,
    batch_id: data.batch.id,
    batch_name: data.batch.name,
    exported_at: new Date().toISOString(),
    batch_dir: `evidence/${tree.batchDir}`,
    histories: named.map(([name]) => `histories/${name}`),
    files: tree.files.length,
  };
  const archive = new yazl.ZipFile();
  const written = pipeline(archive.outputStream, createWriteStream(target, { mode: 0o600 }));
  const addText = (name: string, text: string) => archive.addBuffer(Buffer.from(text), name);
  const addFile = (path: string, name: string) =>
    archive.addFile(path, name, { compress: !STORED.test(name) });
  addText('README.txt', readmeOf(record, histories instanceof Map ? null : histories.missing));
  addText(PACKAGE_FILE, `${JSON.stringify(record, null, 2)}\n`);
  addText('keys.json', `${JSON.stringify({ schema_version: SCHEMA_VERSION, keys: keys.keys }, null, 2)}\n`);
  for (const path of trustFiles()) addFile(path, `trust/${basename(path)}`);
  for (const [name, json] of named) addText(`histories/${name}`, json);
  for (const name of await filesIn(reportDir)) addFile(join(reportDir, name), `report/${name}`);
  for (const { path, name } of tree.files) addFile(path, `evidence/${name}`);
  archive.end();
  await written;
  return record;
}
