/** `imgproof report`: a folder that opens from the disk (SPEC P4). */
import { lstat, mkdir } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { replaceReport } from '../artifacts/report-file.ts';
import { FILES } from '../domain/layout.ts';
import { readRegularFile } from '../proof/safe-read.ts';
import type { VerifyOptions } from '../proof/verify.ts';
import { GENERATOR, type Language, pageOf } from './page.ts';
import { reportData, type ReportData, type ReportTask } from './report-data.ts';
import { type Thumbnail, thumbnailsOf } from './thumbnails.ts';

export interface ReportOptions extends VerifyOptions {
  /** Where the report goes; default `report` in the batch's folder. */
  reportDir?: string;
  lang: Language;
  /** Link to an original from the report; null: it is named only. Default relative, to what lies near. */
  linkTo?: (path: string) => string | null;
}

export interface WrittenReport {
  index: string;
  data: ReportData;
}

/** The report can't go there, and why. */
export class ReportRefused extends Error {
  override name = 'ReportRefused';
}

/**
 * Null when this folder is neither a batch's nor a run's. Written whole: an open page is the old report or the new one.
 * @throws ReportRefused when the place is taken, behind a link or not writable
 */
export async function writeReport(folder: string, options: ReportOptions): Promise<WrittenReport | null> {
  const data = await reportData(folder, options);
  return data === null ? null : renderReport(data, options);
}

/** @throws ReportRefused */
export async function renderReport(data: ReportData, options: ReportOptions): Promise<WrittenReport> {
  const reportDir = resolve(options.reportDir ?? join(data.batch.folder, FILES.report));
  const index = join(reportDir, 'index.html');
  try {
    await makePlace(reportDir, index);
    const page = await pageFor(data, reportDir, options);
    await replaceReport(index, page);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new ReportRefused(
      `the report can't be written to ${reportDir}: ${message}. Give a place with --out DIR`,
    );
  }
  return { index, data };
}

/** Nobody's page is overwritten, and no link leads the report elsewhere. */
async function makePlace(reportDir: string, index: string): Promise<void> {
  const taken = await lstat(reportDir).catch(() => null);
  if (taken !== null && !taken.isDirectory())
    throw new ReportRefused(`${reportDir} is there and is no folder: give another place with --out DIR`);
  await mkdir(reportDir, { recursive: true, mode: 0o700 });
  if ((await lstat(index).catch(() => null)) === null) return;
  const page = await readRegularFile(index, PAGE_LIMIT_BYTES);
  if (page.kind !== 'read' || !page.value.includes(GENERATOR))
    throw new ReportRefused(`${index} is not a report of imgproof: give another place with --out DIR`);
}

const PAGE_LIMIT_BYTES = 512 * 1024 * 1024;

async function pageFor(
  { batch, tasks }: ReportData,
  reportDir: string,
  { lang, linkTo = linkFrom(reportDir) }: ReportOptions,
): Promise<string> {
  const pictures = tasks.flatMap(({ image_path, references }) => [
    { places: image_path === null ? [] : [image_path], sha256: null },
    ...references.map(({ places, sha256 }) => ({ places, sha256 })),
  ]);
  const thumbs = (await thumbnailsOf(reportDir, pictures)).values();
  const shown = tasks.map((task) => shownTask(task, linkTo, () => thumbs.next().value ?? null));
  return pageOf({ lang, batch, tasks: shown }, { title: batch.name, lang });
}

/** As the page has it: paths become links relative to it, where there is something to see. */
function shownTask(
  { image_path, references, result_json, ...task }: ReportTask,
  linkTo: (path: string) => string | null,
  next: () => Thumbnail | null,
) {
  const image = next();
  return {
    ...task,
    image_name: image_path === null ? null : basename(image_path),
    thumb: image?.name ?? null,
    image_link: image === null ? null : linkTo(image.path),
    result_link: result_json === null ? null : linkTo(result_json),
    references: references.map(({ path, sha256, bytes }) => {
      const reference = next();
      const link = reference === null ? null : linkTo(reference.path);
      return { name: basename(path), path, sha256, bytes, thumb: reference?.name ?? null, link };
    }),
  };
}

/** Further up than this a link would name places of this machine, not of what is handed over. */
const NEAR_FOLDERS = 6;

function linkFrom(reportDir: string): (path: string) => string | null {
  return (path) => {
    const parts = relative(reportDir, path).split(sep);
    return parts.filter((part) => part === '..').length > NEAR_FOLDERS ? null : encodedLink(parts);
  };
}

/** Every part encoded: a name is a name, never a scheme, a query or a fragment. Null for a name that no link can hold. */
export function encodedLink(parts: readonly string[]): string | null {
  try {
    return `./${parts.map(encodeURIComponent).join('/')}`;
  } catch {
    return null;
  }
}
