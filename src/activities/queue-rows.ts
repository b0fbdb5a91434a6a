/** From what admission and records say to the rows of `queue_state.json` (SPEC F4). */
import { join } from 'node:path';
import type { QueueEnd } from '../artifacts/queue-folder.ts';
import { FILES } from '../domain/layout.ts';
import { promptSummary, type QueueHead, type QueueRow } from '../domain/queue.ts';
import type { TaskRow } from '../domain/records.ts';
import type { Admitted } from './admit-one.ts';

export function queueRowOf({ task, row }: Pick<Admitted, 'task' | 'row'>, { queue_id }: QueueHead): QueueRow {
  const now = new Date().toISOString();
  const accepted = row === null || row.status === 'completed';
  const { task_key, task_name, index, prompt, output_dir, run_dir, generation_id } = task;
  return {
    task_id: task.queue?.task_id ?? '',
    task_key,
    task_name,
    index,
    status: row?.status ?? 'queued',
    accepted,
    prompt_summary: promptSummary(prompt),
    worker_id: null,
    thread_id: null,
    pid: null,
    created_at: now,
    queued_at: accepted ? now : null,
    started_at: null,
    ended_at: row === null ? null : now,
    elapsed_seconds: null,
    output_dir,
    task_dir: run_dir,
    output: row?.image_path ?? null,
    error: row?.error ?? null,
    stdout: accepted ? join(run_dir, FILES.stdout) : null,
    stderr: accepted ? join(run_dir, FILES.stderr) : null,
    result_json: row?.result_json ?? null,
    run_dir,
    queue_id,
    generation_id,
  };
}

export function queueEndOf({ status, image_path, error, result_json, worker_id, pid }: TaskRow): QueueEnd {
  return { status, output: image_path, error, result_json, worker_id, pid };
}
