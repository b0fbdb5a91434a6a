/** `imgproof status <batch>`: one batch as it stands now, or as it ended (SPEC H5). */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { memoOf } from '../client.ts';
import type { BatchProgress } from '../domain/messages.ts';
import { tally } from '../domain/status.ts';
import { recordOf } from './ended-batch.ts';
import { frame } from './frame.ts';
import { batchSnapshot, type BatchSnapshot } from './looks.ts';
import { print, printJson, safe } from './output.ts';
import { viewOf } from './progress-view.ts';
import { type Session, webUiLink } from './session.ts';
import { findBatch } from './target.ts';
import { listedRows } from './task-rows.ts';
import { lookOf } from './terminal.ts';

/** Tells of running and of ended batches, as long as the server keeps them. @throws CommandProblem when it knows none. */
export async function tellBatch(
  session: Session,
  batchId: string,
  { json }: { json: boolean },
): Promise<void> {
  const { run } = await findBatch(session, batchId);
  const isRunning = run.status.name === 'RUNNING';
  const isPaused = isRunning && typeof memoOf(run).paused === 'string';
  const state = isPaused ? 'paused' : run.status.name.toLowerCase();
  const snapshot =
    (isRunning ? null : await endedSnapshot(run)) ??
    (await batchSnapshot(session.client, session.client.workflow.getHandle(batchId)));
  if (json) {
    const { progress = null, tasks = null } = snapshot ?? {};
    const web_ui = webUiLink(session, batchId);
    printJson({ ok: true, batch_id: batchId, state, web_ui, progress, tasks, exit_code: 0, reason: state });
    return;
  }
  if (snapshot === null) {
    print(`${safe(batchId)}  ${state}; no worker answers, so nothing more is known of it now`);
    return;
  }
  // The place of the models says how the batch stands: each task's row in the proof names its own.
  const order = { kind: 'batch', id: batchId, total: snapshot.progress.total, models: state } as const;
  const view = viewOf({ ...order, isAttached: false }, snapshot, run.closeTime?.getTime() ?? Date.now());
  for (const line of frame(view, lookOf(process.stdout), true)) print(line);
}

/** What the workflow would answer, from its record: it would have to be replayed for it. Null without a record here. */
async function endedSnapshot(run: WorkflowExecutionDescription): Promise<BatchSnapshot | null> {
  const record = await recordOf(run);
  if (record === null) return null;
  const tasks = (await listedRows(record)).map((task) => ({ ...task, cancelling: null }));
  const progress: BatchProgress = {
    phase: 'done',
    started_at: run.startTime.toISOString(),
    batch_dir: record.batch_dir,
    total: record.total,
    max_workers: record.max_workers,
    paused: null,
    idle: true,
    counters: tally(tasks.map(({ status }) => status)),
    adopted: record.adopted,
    warnings: [],
    running: [],
  };
  return { atMs: run.closeTime?.getTime() ?? Date.now(), progress, tasks, live: new Map() };
}
