/** Of a cancelled child nothing but the cancel reaches its batch: what it cost, its last words say (SPEC R4, R8). */
import { join } from 'node:path';
import { readJson } from '../artifacts/task-folder.ts';
import type { ImageActivities } from '../domain/activity-contract.ts';
import { FILES } from '../domain/layout.ts';
import type { ResultRecord } from '../domain/records.ts';
import { emptyEnd, endOf, resultRow } from '../domain/rows.ts';
import { readTask } from './task-of-order.ts';

/** Of one that was cancelled before it could say a word: that it was. */
export function createReadEnd(): ImageActivities['readEnd'] {
  return async (order) => {
    const task = await readTask(order);
    const path = join(task.run_dir, FILES.result);
    const result = await readJson<ResultRecord>(path);
    const isOwn = result?.generation_id === task.generation_id;
    if (!isOwn) return emptyEnd(order.index, 'cancelled');
    const end = endOf(resultRow(task, result, path));
    return wasAborted(result) ? { ...end, aborted: true } : end;
  };
}

/** Its last request was sent and cut by somebody's "now": nothing but a person's wish does that (SPEC R5). */
function wasAborted({ attempts, generation_id }: ResultRecord): boolean {
  const last = attempts.findLast((attempt) => attempt.generation_id === generation_id);
  return last?.category === 'cancelled' && last.billing === 'possible';
}
