/**
 * Search attributes (SPEC T2), all of type Keyword. Whoever starts a workflow sets all of them or none: a workflow may only
 * set what it was started with, because one that is not registered would block it for ever (DESIGN 2.10).
 */
import type { TaskStatus } from './status.ts';
import { MODE_NAMES, type Mode } from './task.ts';

export const SEARCH_ATTRIBUTES = ['ImgBatch', 'ImgTaskKey', 'ImgStatus', 'ImgMode', 'ImgModel'] as const;
export type SearchAttributeName = (typeof SEARCH_ATTRIBUTES)[number];
export type AttributeValues = Record<SearchAttributeName, string>;

/** `incomplete`: a batch that ended with something that is not completed. */
export type ListedStatus = TaskStatus | 'paused' | 'incomplete';

/** Where nothing can be said: a workflow without a batch, a batch of several models. */
const NONE = 'none';
const SEVERAL = 'several';

/** A batch's key is its own id, which no task's key equals (SPEC B5). What it is made with it finds out at admission. */
export function batchAttributes(batchId: string, status: ListedStatus): AttributeValues {
  return { ImgBatch: batchId, ImgTaskKey: batchId, ImgStatus: status, ImgMode: NONE, ImgModel: NONE };
}

export function taskAttributes(
  batchId: string | null,
  { task_key, mode, model }: { task_key: string; mode?: Mode; model?: string },
  status: ListedStatus,
): AttributeValues {
  return {
    ImgBatch: batchId ?? NONE,
    ImgTaskKey: task_key,
    ImgStatus: status,
    ImgMode: mode === undefined ? NONE : modeWord(mode),
    ImgModel: model ?? NONE,
  };
}

/** What the tasks of a batch have in common. */
export function commonAttributes(
  tasks: readonly { mode: Mode; model: string }[],
): Pick<AttributeValues, 'ImgMode' | 'ImgModel'> {
  return {
    ImgMode: common(tasks.map(({ mode }) => modeWord(mode))),
    ImgModel: common(tasks.map(({ model }) => model)),
  };
}

/** `text2img` or `img2img`: easy to type in a query. */
function modeWord(mode: Mode): string {
  return MODE_NAMES[mode].split(' ')[0] ?? mode;
}

function common(values: readonly string[]): string {
  const [first, ...others] = new Set(values);
  if (first === undefined) return NONE;
  return others.length > 0 ? SEVERAL : first;
}
