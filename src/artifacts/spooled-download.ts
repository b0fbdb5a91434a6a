/**
 * An image that an answer only links to, kept beside the answer as `NN.download`: links expire, and what was paid for is
 * not asked for twice. One line of JSON, then the bytes as received.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { SCHEMA_VERSION } from '../domain/records.ts';
import { createFile } from '../host/durable-file.ts';
import type { AnswerHeader, SpoolEntry } from './spool.ts';
import { readSpoolFile } from './spool-files.ts';

export interface KeptDownload {
  bytes: Buffer;
  /** Scheme, host and port that the bytes came from. */
  origin: string;
}

/** The line names the answer that the link stood in: another one's image is never taken for its. */
interface DownloadHeader {
  schema_version: number;
  answer_sha256: string;
  origin: string;
  sha256: string;
}

/** More than a download may have. */
const DOWNLOAD_BYTES_MAX = 96 * 1024 * 1024;

/** Null when there is none of this answer, or when it is not whole: then the link is asked again, which costs nothing. */
export async function keptDownload(entry: SpoolEntry, answer: AnswerHeader): Promise<KeptDownload | null> {
  const content = await readSpoolFile(pathOf(entry, answer), DOWNLOAD_BYTES_MAX);
  if (content === null) return null;
  const lineEnd = content.indexOf(0x0a);
  const header = parse(content.subarray(0, lineEnd).toString('utf8'));
  const bytes = content.subarray(lineEnd + 1);
  const isWhole = header?.sha256 === sha256(bytes) && header.answer_sha256 === answer.sha256;
  return isWhole ? { bytes, origin: header.origin } : null;
}

export async function keepDownload(
  entry: SpoolEntry,
  answer: AnswerHeader,
  { bytes, origin }: KeptDownload,
): Promise<void> {
  const header: DownloadHeader = {
    schema_version: SCHEMA_VERSION,
    answer_sha256: answer.sha256,
    origin,
    sha256: sha256(bytes),
  };
  await createFile(pathOf(entry, answer), Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes]));
}

function pathOf({ folder }: SpoolEntry, { attempt }: AnswerHeader): string {
  return join(folder, `${String(attempt).padStart(2, '0')}.download`);
}

function parse(line: string): (Partial<DownloadHeader> & { origin: string }) | null {
  try {
    const value = JSON.parse(line) as Partial<DownloadHeader> | null;
    return typeof value?.origin === 'string' ? { ...value, origin: value.origin } : null;
  } catch {
    return null;
  }
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
