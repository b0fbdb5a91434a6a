/**
 * The order file of a task, `batch_task.json` or `task.json`: the task as admission understood it. Histories carry where it
 * is (claim check, DESIGN 1); whoever works on the task reads it there.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FILES } from '../domain/layout.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import type { AdmittedTask, TaskOrder } from '../domain/task.ts';
import { jsonText, makeFolder, replaceFile, replaceProjection } from '../host/durable-file.ts';
import { type Redact, redactRecord } from './redact-record.ts';

export type OrderPlace = Pick<TaskOrder, 'batch_dir' | 'order_file'>;

/** It can't be used, now or later. Other errors are the disk's. */
export class OrderFileProblem extends Error {
  override name = 'OrderFileProblem';
}

/** Durable before this returns: from here on nothing else knows the prompt. */
export async function writeOrderFile(place: OrderPlace, task: AdmittedTask, redact: Redact): Promise<void> {
  const path = orderPath(place);
  await makeFolder(dirname(path));
  await replaceFile(path, jsonText(redactRecord({ schema_version: SCHEMA_VERSION, ...task }, redact)));
}

/** `command.json` beside the order file of a queue's task: what its activities are called with (SPEC F4). */
export async function writeCommandFile(place: OrderPlace, order: TaskOrder, redact: Redact): Promise<void> {
  const command = { schema_version: SCHEMA_VERSION, activity: 'generateImage', input: order };
  const path = join(dirname(orderPath(place)), FILES.command);
  await replaceProjection(path, jsonText(redactRecord(command, redact)));
}

/** @throws OrderFileProblem when it is gone or no JSON; what the disk throws otherwise */
export async function readOrderFile(place: OrderPlace): Promise<AdmittedTask> {
  const path = orderPath(place);
  try {
    const { schema_version: _, ...task } = JSON.parse(await readFile(path, 'utf8')) as AdmittedTask & {
      schema_version: number;
    };
    return { ...LATER_FIELDS, ...task };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== undefined && code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new OrderFileProblem(`the order of this task can't be read: ${message}`);
  }
}

/** Fields that order files of earlier versions do not have. */
const LATER_FIELDS = { task_timeout_ms: null, on_unknown: 'retry' } satisfies Partial<AdmittedTask>;

export function orderPath({ batch_dir, order_file }: OrderPlace): string {
  return join(batch_dir, order_file);
}
