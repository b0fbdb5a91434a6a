/** What is signed of one task (SPEC P3): `result.dsse.json` beside its `result.json`. */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import type { SigningKey } from '../artifacts/key-file.ts';
import { attemptFolder, FILES } from '../domain/layout.ts';
import type { ResultRecord } from '../domain/records.ts';
import { VERSION } from '../domain/version.ts';
import { type Envelope, seal, type Subject } from './dsse.ts';
import { READ_LIMITS, readRegularFile } from './safe-read.ts';

export const TASK_PREDICATE = 'urn:imgproof:generation:v1';

/**
 * Sign what is on disk and nothing else: `result.json` as it was written just now (redacted, SPEC F9), the request and
 * answer records of the attempt that brought the image, and the image by its recorded hash. Later words of other attempts
 * stay outside: they may still come.
 */
export async function signResult(folder: string, resultBytes: Buffer, key: SigningKey): Promise<Envelope> {
  const result = JSON.parse(resultBytes.toString('utf8')) as ResultRecord;
  const predicate = predicateOf(result);
  const subject = [
    subjectOf(FILES.result, sha256Of(resultBytes)),
    ...(await attemptSubjects(folder, result)),
    ...imageSubjects(result),
  ];
  return seal({ subject, predicateType: TASK_PREDICATE, predicate }, key);
}

/** Name of a file of the run folder that a statement may speak of; anything else is the image. */
export const RUN_FILE = /^(?:result\.json|attempt-\d{2,}\/(?:request|result)\.json)$/u;

function imageSubjects({ image_path, sha256 }: ResultRecord): Subject[] {
  return image_path === null || sha256 === null ? [] : [subjectOf(basename(image_path), sha256)];
}

/** An adopted result has its attempts in the folder that it was adopted from. */
async function attemptSubjects(folder: string, result: ResultRecord): Promise<Subject[]> {
  const last = result.attempts.at(-1);
  if (result.status !== 'completed' || last === undefined || result.adopted_from !== undefined) return [];
  const names = [FILES.request, FILES.result].map((name) => `${attemptFolder(last.attempt)}/${name}`);
  const found = await Promise.all(
    names.map(async (name) => {
      const read = await readRegularFile(join(folder, name), READ_LIMITS.jsonBytes);
      return read.kind === 'read' ? subjectOf(name, sha256Of(read.value)) : null;
    }),
  );
  return found.filter((one) => one !== null);
}

/** What a reader wants to know without opening the files, and what ties them to the call and to Temporal's history. */
function predicateOf(result: ResultRecord): Record<string, unknown> {
  const { task_key, task_name, index, batch_id, status, ok, provider, endpoint_origin, model, mode } = result;
  const { generation_id, request_fingerprint, workflow_id, run_id, worker_id, pid, attempts } = result;
  return {
    task: { task_key, task_name, index, batch_id, status, ok },
    asked: { provider, endpoint_origin, model, mode, size: result.size, request_fingerprint },
    prompt_sha256: sha256Of(result.prompt),
    prompt_sent_sha256: sha256Of(result.prompt_sent),
    input_images: result.input_images.map(({ path, sha256, bytes }) => ({
      name: basename(path),
      sha256,
      bytes,
    })),
    generation_id,
    temporal: { workflow_id, run_id, worker_id, pid },
    attempts: attempts.map(
      ({ attempt, started_at, ended_at, http_status, request_id, category, billing, response }) => ({
        attempt,
        started_at,
        ended_at,
        http_status,
        request_id,
        category,
        billing,
        ...(response === undefined ? {} : { response }),
      }),
    ),
    software: generator(),
    signed_at: new Date().toISOString(),
  };
}

/** Which program says so. */
export function generator(): { name: string; version: string; node: string } {
  return { name: 'imgproof', version: VERSION, node: process.versions.node };
}

export function subjectOf(name: string, sha256: string): Subject {
  return { name, digest: { sha256 } };
}

export function sha256Of(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
