import { provesOtherContent } from '../domain/ids.ts';
import type { NormalizedTask } from '../domain/task.ts';
import type { Problem } from '../intake/problems.ts';
import { readProofIndex } from './adopt.ts';

/** SPEC B6: a batch id stands for one content, also when only the proof index still knows it. */
export async function otherContent(
  tasks: readonly Pick<NormalizedTask, 'output_dir'>[],
  keys: readonly string[],
  { batchId, hash }: { batchId: string; hash: string },
): Promise<Problem[]> {
  for (const [i, { output_dir }] of tasks.entries()) {
    const row = await readProofIndex({ output_dir, batch_id: batchId, task_key: keys[i] as string });
    if (!provesOtherContent(row, batchId, hash)) continue;
    return [
      {
        path: [],
        message: `the batch id "${batchId}" was used for other content; choose another one, or none`,
      },
    ];
  }
  return [];
}
