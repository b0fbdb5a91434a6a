import type { ResultRecord, TaskEnd, TaskRow } from './records.ts';
import type { TaskStatus } from './status.ts';

/** What a row says of a task before anything happened to it. */
interface RowSubject extends Pick<
  TaskRow,
  'index' | 'task_key' | 'task_name' | 'provider' | 'model' | 'mode' | 'run_dir'
> {
  input_images: readonly (string | { path: string })[];
}

/** A task's row while there is nothing to say but its status. */
export function emptyRow(task: RowSubject, status: TaskStatus): TaskRow {
  return {
    index: task.index,
    task_name: task.task_name,
    task_key: task.task_key,
    status,
    ok: false,
    acceptable: false,
    provider: task.provider,
    model: task.model,
    mode: task.mode,
    input_images: task.input_images.map((image) => (typeof image === 'string' ? image : image.path)),
    image_path: null,
    bytes: null,
    sha256: null,
    run_dir: task.run_dir,
    result_json: null,
    workflow_id: null,
    run_id: null,
    worker_id: null,
    pid: null,
    attempts_count: 0,
    billing: { no: 0, possible: 0, yes: 0 },
    error: null,
    category: null,
  };
}

/** The row of a task whose result is on disk. */
export function resultRow(task: RowSubject, result: ResultRecord, resultJson: string): TaskRow {
  return { ...emptyRow(task, result.status), ...rowFields(result), result_json: resultJson };
}

/** What a result says in a row. */
export function rowFields(result: ResultRecord): Partial<TaskRow> {
  return {
    status: result.status,
    ok: result.ok,
    acceptable: result.acceptable,
    image_path: result.image_path,
    bytes: result.bytes,
    sha256: result.sha256,
    workflow_id: result.workflow_id,
    run_id: result.run_id,
    worker_id: result.worker_id,
    pid: result.pid,
    attempts_count: result.attempts_count,
    billing: result.billing,
    error: result.error,
    category: result.diagnosis?.category ?? null,
    ...(result.adopted_from === undefined ? {} : { adopted_from: result.adopted_from }),
  };
}

/** Of a task without a word of its own. */
export function emptyEnd(index: number, status: TaskStatus): TaskEnd {
  return {
    index,
    status,
    ok: false,
    acceptable: false,
    image_path: null,
    bytes: null,
    attempts_count: 0,
    billing: { no: 0, possible: 0, yes: 0 },
    error: null,
    category: null,
  };
}

/** What a batch's history keeps of a row. */
export function endOf(row: TaskRow): TaskEnd {
  const { index, status, ok, acceptable, image_path, bytes, attempts_count, billing, error, category } = row;
  return {
    index,
    status,
    ok,
    acceptable,
    image_path,
    bytes,
    attempts_count,
    billing,
    error,
    category,
    ...(row.adopted_from === undefined ? {} : { adopted_from: row.adopted_from }),
  };
}
