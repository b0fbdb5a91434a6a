import { BATCH_LIMITS } from '../domain/batch.ts';
import { utf8Bytes } from '../domain/ids.ts';
import { emptyRow } from '../domain/rows.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { Problem } from '../intake/problems.ts';
import type { WantedTask } from './admit-one.ts';

/** Ids and hashes of an admitted task that come later. */
const TASK_BYTES = 400;
/** A row's hash, ids, worker and error text. */
const ROW_BYTES = 1_200;

/**
 * Admission answers with every task that is to run, and the last record is given every row: one payload each. A folder
 * with a long name is in all of them several times. Told before anything is written, because an answer that Temporal does
 * not take would be tried again for an hour.
 */
export function carriageProblems(
  wanted: readonly WantedTask[],
  isRefused: (index: number) => boolean,
): Problem[] {
  const tasks = wanted.filter((_, i) => !isRefused(i)).map((task) => TASK_BYTES + jsonBytes(task));
  const bytes = Math.max(sum(tasks), sum(wanted.map(rowBytes)));
  if (bytes <= BATCH_LIMITS.carriedBytes) return [];
  const message = `with its folder names written out for each task the batch has ${bytes} bytes, more than ${BATCH_LIMITS.carriedBytes}; shorten output_dir or split the file`;
  return [{ path: [], message }];
}

/** `run_dir` is part of the proof's path, `output_dir` of the image's and of an adopted proof's. */
function rowBytes(task: WantedTask): number {
  const row = emptyRow(task as AdmittedTask, 'queued');
  return ROW_BYTES + jsonBytes(row) + jsonBytes([task.run_dir, task.output_dir, task.run_dir]);
}

function jsonBytes(value: unknown): number {
  return utf8Bytes(JSON.stringify(value));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
