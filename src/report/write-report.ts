/** `imgproof report`: a folder that opens from the disk (SPEC P4). */
import { mkdir } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { replaceReport } from '../artifacts/report-file.ts';
import type { VerifyOptions } from '../proof/verify.ts';
import { evidenceTree } from './export-files.ts';
import { type Language, pageOf } from './page.ts';
import { reportData, type ReportData, type ReportTask } from './report-data.ts';
import { thumbnailsOf } from './thumbnails.ts';

export interface ReportOptions extends VerifyOptions {
  /** Where the report goes; default `report` in the batch's folder. */
  reportDir?: string;
  lang: Language;
  /** In a package the originals lie elsewhere than on this disk: `evidence` beside the report. */
  originals?: 'evidence';
}

export interface WrittenReport {
  index: string;
  data: ReportData;
}

/** Null when there is no batch in this folder. Written whole: an open page is the old report or the new one. */
export async function writeReport(batchDir: string, options: ReportOptions): Promise<WrittenReport | null> {
  const data = await reportData(batchDir, options);
  if (data === null) return null;
  const reportDir = resolve(options.reportDir ?? join(batchDir, 'report'));
  await mkdir(reportDir, { recursive: true, mode: 0o700 });
  const pictures = data.tasks.flatMap(({ image_path, references }) => [
    ...(image_path === null ? [] : [image_path]),
    ...references.map(({ path }) => path),
  ]);
  const thumbs = await thumbnailsOf(reportDir, pictures);
  const linkTo = options.originals === undefined ? linkFrom(reportDir) : await linkInPackage(data);
  const tasks = data.tasks.map((task) => shownTask(task, linkTo, thumbs));
  const { lang } = options;
  const page = await pageOf({ lang, batch: data.batch, tasks }, { title: data.batch.name, lang });
  const index = join(reportDir, 'index.html');
  await replaceReport(index, page);
  return { index, data };
}

/** As the page has it: paths become links relative to it, where there is something to see. */
function shownTask(task: ReportTask, linkTo: (path: string) => string, thumbs: ReadonlyMap<string, string>) {
  const { image_path, references, result_json } = task;
  return {
    ...task,
    thumb: image_path === null ? null : (thumbs.get(image_path) ?? null),
    image_link: image_path !== null && thumbs.has(image_path) ? linkTo(image_path) : null,
    result_link: result_json === null ? null : linkTo(result_json),
    references: references.map((reference) => ({
      ...reference,
      name: basename(reference.path),
      thumb: thumbs.get(reference.path) ?? null,
    })),
  };
}

/** Every part encoded: a name is a name, never a scheme, a query or a fragment. */
function encoded(path: string): string {
  return `./${path.split('/').map(encodeURIComponent).join('/')}`;
}

function linkFrom(reportDir: string): (path: string) => string {
  return (path) => encoded(relative(reportDir, path).split(sep).join('/'));
}

async function linkInPackage(data: ReportData): Promise<(path: string) => string> {
  const { files } = await evidenceTree(data);
  const names = new Map(files.map(({ path, name }) => [path, name]));
  return (path) => (names.has(path) ? encoded(`../evidence/${names.get(path)}`) : '');
}
