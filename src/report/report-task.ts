/** One task as a report shows it: from its result, else its row, its state, its order. Whatever is missing stays empty. */
import { basename, dirname } from 'node:path';
import { FILES } from '../domain/layout.ts';
import type { BillingTally } from '../domain/records.ts';
import { TASK_STATUSES, type TaskStatus } from '../domain/status.ts';
import type { StrongerEvidence } from '../domain/stronger-evidence.ts';
import { MODE_NAMES } from '../domain/task.ts';
import { placesOf } from '../proof/recorded-path.ts';
import { listFolder, readRecord } from '../proof/safe-read.ts';
import type { VerifyItem } from '../proof/verdict.ts';
import { asFields, asList, type Fields, numberOr, tallyIn, textOr, textsIn, timeOr } from './fields.ts';

export interface ReportTask {
  index: number;
  name: string;
  key: string;
  status: TaskStatus;
  /** Business name of the mode. */
  mode: string;
  provider: string;
  model: string;
  size: string;
  /** As written. */
  prompt: string;
  /** As it went out; empty when nothing did, or it is the same. */
  prompt_sent: string;
  /** What the safety rules added behind it; empty when nothing, or something else was changed. */
  prompt_added: string;
  safety_rules: string[];
  /** Absolute; null: there is none. */
  image_path: string | null;
  image: { bytes: number | null; sha256: string | null; width: number | null; height: number | null } | null;
  references: ReportReference[];
  attempts: ReportAttempt[];
  billing: BillingTally;
  error: string | null;
  warnings: string[];
  verdict: VerifyItem['verdict'];
  broken: { id: string; en: string; zh: string; found?: string }[];
  evidence: StrongerEvidence;
  /** What identifies the call; for copying. */
  proof: Record<string, string | null>;
  run_dir: string;
  result_json: string | null;
  adopted_from: string | null;
  seconds: number | null;
}

export interface ReportReference {
  /** As recorded. */
  path: string;
  sha256: string;
  bytes: number | null;
  /** Where it may lie now, best first; the one that counts has the recorded content. */
  places: string[];
}

export interface ReportAttempt {
  attempt: number;
  started_at: string | null;
  /** Null: it is under way, or was cut off. */
  ended_at: string | null;
  http_status: number | null;
  category: string | null;
  billing: string;
  /** `<host>/slot-n`. */
  worker: string;
  /** Earliest time of the next request, when one was planned. */
  next_at: string | null;
}

/** What is known of a task before its own folder is looked at. */
export interface TaskSources {
  index: number;
  ordered: Fields;
  row: Fields;
  batch: { id: string | null; hash: string | null };
  item: VerifyItem;
}

export async function reportTask({ index, ordered, row, batch, item }: TaskSources): Promise<ReportTask> {
  const isResult = item.kind === 'result';
  const place = isResult ? dirname(item.path) : item.path;
  const result = isResult ? await record(place, basename(item.path)) : {};
  const order = asFields({ ...(await record(place, FILES.task)), ...(await record(place, FILES.batchTask)) });
  const state = result['status'] === undefined ? await record(place, FILES.state) : {};
  // The nearest to the end speaks.
  const known = { ...order, ...ordered, ...row, ...result };
  const attempts = (
    result['attempts'] === undefined ? await attemptsIn(place) : asList(result['attempts'])
  ).map(attemptOf);
  const prompt = textOr(result['prompt'] ?? order['prompt'], '');
  const sent = textOr(result['prompt_sent'], '').replaceAll('\r\n', '\n');
  return {
    index,
    name: textOr(ordered['task_name'] ?? known['task_name'], item.task ?? basename(place)),
    key: textOr(ordered['task_key'] ?? known['task_key'], ''),
    status: statusIn([result, row, state, ordered]),
    mode: known['mode'] === 'edit' ? MODE_NAMES.edit : MODE_NAMES.generation,
    provider: textOr(known['provider'], ''),
    model: textOr(known['model'], ''),
    size: textOr(known['size'], ''),
    prompt,
    prompt_sent: sent === prompt ? '' : sent,
    prompt_added: sent.startsWith(prompt) ? sent.slice(prompt.length).trim() : '',
    safety_rules: textsIn(result['safety_rules']),
    image_path: item.image,
    image: item.image === null ? null : factsOf(result),
    references: referencesIn(result['input_images'] ?? order['input_images'], place, known['run_dir']),
    attempts,
    billing: tallyIn(result['billing']) ?? tallyIn(row['billing']) ?? { no: 0, possible: 0, yes: 0 },
    error: textOr(result['error'] ?? row['error'] ?? state['last_error'], null),
    warnings: textsIn(result['warnings']),
    verdict: item.verdict,
    broken: item.broken.map(({ id, en, zh, found }) => ({
      id,
      en,
      zh,
      ...(found === undefined ? {} : { found }),
    })),
    evidence: item.evidence,
    proof: proofOf(known, batch),
    run_dir: place,
    result_json: isResult ? item.path : null,
    adopted_from: textOr(known['adopted_from'], null),
    seconds: secondsOf(attempts),
  };
}

async function record(folder: string, name: string): Promise<Fields> {
  const read = await readRecord(folder, name);
  return read.kind === 'read' ? read.value : {};
}

function statusIn(sources: readonly Fields[]): TaskStatus {
  const said = sources.map(({ status }) => status).find((status) => isStatus(status));
  return isStatus(said) ? said : 'queued';
}

function isStatus(status: unknown): status is TaskStatus {
  return TASK_STATUSES.includes(status as TaskStatus);
}

function factsOf({ bytes, sha256, width, height }: Fields): ReportTask['image'] {
  return {
    bytes: numberOr(bytes, null),
    sha256: textOr(sha256, null),
    width: numberOr(width, null),
    height: numberOr(height, null),
  };
}

function referencesIn(images: unknown, folder: string, runDir: unknown): ReportReference[] {
  const found = { folder, result: { run_dir: textOr(runDir, '') } };
  return asList(images).flatMap(({ path, sha256, bytes }) =>
    typeof path !== 'string'
      ? []
      : [{ path, sha256: textOr(sha256, ''), bytes: numberOr(bytes, null), places: placesOf(found, path) }],
  );
}

/** Of a task that has no last word: requests as they are on disk, oldest first. */
async function attemptsIn(place: string): Promise<Fields[]> {
  const { folders } = await listFolder(place);
  const names = folders.filter((name) => /^attempt-\d{2,}$/u.test(name));
  return Promise.all(
    names.map(async (name) => {
      const ended = await readRecord(place, `${name}/${FILES.result}`);
      if (ended.kind === 'read') return ended.value;
      const request = await record(place, `${name}/${FILES.request}`);
      return { attempt: request['attempt'], started_at: request['created_at'], billing: 'possible' };
    }),
  );
}

function attemptOf(record: Fields, i: number): ReportAttempt {
  return {
    attempt: numberOr(record['attempt'], i + 1),
    started_at: timeOr(record['started_at'], null),
    ended_at: timeOr(record['ended_at'], null),
    http_status: numberOr(record['http_status'], null),
    category: textOr(record['category'], null),
    billing: textOr(record['billing'], ''),
    worker: textOr(record['worker_id'], ''),
    next_at: timeOr(record['next_attempt_at'], null),
  };
}

function proofOf(known: Fields, batch: TaskSources['batch']): ReportTask['proof'] {
  const text = (name: string) => textOr(known[name], null);
  const worker = text('worker_id');
  return {
    sha256: text('sha256'),
    request_id: text('request_id'),
    generation_id: text('generation_id'),
    request_fingerprint: text('request_fingerprint'),
    endpoint: text('endpoint_origin'),
    task_key: text('task_key'),
    batch_id: batch.id,
    batch_hash: batch.hash,
    workflow_id: text('workflow_id'),
    run_id: text('run_id'),
    worker: worker === null ? null : `${worker} (pid ${numberOr(known['pid'], '?')})`,
  };
}

function secondsOf(attempts: readonly ReportAttempt[]): number | null {
  const [from, to] = [attempts[0]?.started_at, attempts.at(-1)?.ended_at];
  if (from == null || to == null) return null;
  return Math.round((Date.parse(to) - Date.parse(from)) / 1000);
}
