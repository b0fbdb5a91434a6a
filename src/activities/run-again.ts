import { type OrderPlace, writeOrderFile } from '../artifacts/order-file.ts';
import { TaskFolder } from '../artifacts/task-folder.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { ActivityDeps } from './deps.ts';
import { hasKeptAnswer } from './kept-answer.ts';
import { writeQueued } from './task-state.ts';
import { tellQueue } from './tell-queue.ts';

interface RunAgain {
  before: AdmittedTask;
  place: OrderPlace;
  /** The task's generation from now on, unless it keeps the one it has. */
  newGenerationId: string;
  /** Why it is taken back, and its requests count on (SPEC R7); null when somebody ordered it anew. */
  because: string | null;
}

/**
 * A task that ended waits for its turn once more, in its folder: its attempts are numbered on, its result is replaced. With a paid
 * answer that nobody made an image of it keeps its generation, which adopts it (SPEC R5).
 */
export async function runAgain(
  deps: Pick<ActivityDeps, 'redactLong' | 'spool'>,
  { before, place, newGenerationId, because }: RunAgain,
): Promise<{ again: AdmittedTask; folder: TaskFolder; isKept: boolean }> {
  const { continues: _, ...task } = before;
  const folder = new TaskFolder(task.run_dir, deps.redactLong);
  const isKept = await hasKeptAnswer(deps.spool, folder, before);
  const generation_id = isKept ? before.generation_id : newGenerationId;
  const continues = because === null ? [] : continued(before, generation_id);
  const again: AdmittedTask = {
    ...task,
    adopts: false,
    generation_id,
    ...(continues.length === 0 ? {} : { continues }),
  };
  await writeOrderFile(place, again, deps.redactLong);
  // Of a kept answer: the cleaner of the spool would take the last word for the end of it.
  if (because !== null || isKept) await folder.takeBackResult(generation_id);
  await writeQueued(deps, again, because);
  await tellQueue(deps, again, (queue, where) => queue.reopened(where, generation_id, because));
  return { again, folder, isKept };
}

/** Also when it is done twice and the order file is the new one already, or the generation stays what it is. */
function continued({ continues = [], generation_id }: AdmittedTask, newId: string): string[] {
  return generation_id === newId ? continues : [...continues, generation_id];
}
