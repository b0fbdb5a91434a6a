/** Where a batch keeps what belongs to one of its tasks. */
import { basename, dirname } from 'node:path';
import type { BatchRequestRecord } from '../domain/batch-records.ts';

/** The task's folder from this directory, wherever the directory was when it was recorded. */
export function folderName({ run_dir, order_file }: BatchRequestRecord['tasks'][number]): string | null {
  if (typeof order_file === 'string' && ORDER_OF_QUEUE.test(order_file)) return dirname(order_file);
  const name = run_dir === null ? '' : basename(run_dir);
  return ['', '.', '..'].includes(name) ? null : name;
}

/** Of a queue's task (SPEC F4): in the state directory that the run's folder is in. */
const ORDER_OF_QUEUE = /^\.\.\/\.\.\/tasks\/t-[\w-]+\/task\.json$/u;
