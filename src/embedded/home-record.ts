/** JSON files of the home folder: how they look, and who may read what (SPEC F). */
import { readFile } from 'node:fs/promises';
import { jsonText, replaceProjection } from '../host/durable-file.ts';
import { EnvironmentProblem } from './environment-problem.ts';

const SCHEMA_VERSION = 1;

export function homeRecordText(record: object): string {
  return jsonText({ schema_version: SCHEMA_VERSION, ...record });
}

export async function writeHomeRecord(path: string, record: object): Promise<void> {
  await replaceProjection(path, homeRecordText(record));
}

/**
 * Null when there is no such file, or it holds no JSON. A file without a version is of an imgproof that wrote none yet.
 * @throws EnvironmentProblem when a newer imgproof wrote it: its words may mean something else.
 */
export async function readHomeRecord<T extends object>(path: string): Promise<T | null> {
  const record = await readJson<T & { schema_version?: unknown }>(path);
  const version = record?.schema_version ?? SCHEMA_VERSION;
  if (version === SCHEMA_VERSION) return record;
  throw new EnvironmentProblem(
    `${path} has schema_version ${JSON.stringify(version)}, this imgproof knows ${SCHEMA_VERSION}: a newer imgproof uses ` +
      'this home. Use that one, or another home (IMGPROOF_HOME).',
    { final: true },
  );
}

/** Of whatever version: for those who need nothing but the process that it names. */
export async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}
