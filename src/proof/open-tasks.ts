/** A batch that was taken up again after its end, by `retry` or a reset: its last words are of before (SPEC B7). */
import { join } from 'node:path';
import type { BatchRequestRecord } from '../domain/batch-records.ts';
import { FILES } from '../domain/layout.ts';
import type { TaskStateRecord } from '../domain/records.ts';
import { mapLimited } from './map-limited.ts';
import { readRecord } from './safe-read.ts';
import { folderName } from './task-places.ts';

const FILES_AT_ONCE = 32;

/** Names of the tasks whose `state.json` says that they wait or run now, by their index. Empty when the batch has ended. */
export async function openTasks(
  batchDir: string,
  { tasks }: Pick<BatchRequestRecord, 'tasks'>,
): Promise<ReadonlyMap<number, string>> {
  const open = await mapLimited(tasks, FILES_AT_ONCE, async (task) => {
    const folder = folderName(task);
    if (folder === null) return [];
    const read = await readRecord(batchDir, join(folder, FILES.state));
    const { status } = read.kind === 'read' ? (read.value as Partial<TaskStateRecord>) : {};
    return status === 'queued' || status === 'running' ? [[task.index, task.task_name] as const] : [];
  });
  return new Map(open.flat());
}
