/** `imgproof status <batch>`: one batch as it stands now (SPEC H5). */
import { describe } from '../client.ts';
import { WORKFLOW_TYPES } from '../domain/messages.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { frame } from './frame.ts';
import { batchSnapshot } from './looks.ts';
import { print, printJson, safe } from './output.ts';
import { viewOf } from './progress-view.ts';
import { type Session, webUiLink } from './session.ts';
import { lookOf } from './terminal.ts';

/** Tells of running and of ended batches, as long as the server keeps them. @throws CommandProblem when it knows none. */
export async function tellBatch(
  session: Session,
  batchId: string,
  { json }: { json: boolean },
): Promise<void> {
  const run = await describe(session.client, batchId);
  if (run === null || run.type !== WORKFLOW_TYPES.batch)
    throw new CommandProblem(
      EXIT.usage,
      `there is no batch "${batchId}" on this server; \`imgproof status\` lists those that run`,
    );
  const state = run.status.name.toLowerCase();
  const snapshot = await batchSnapshot(session.client, session.client.workflow.getHandle(batchId));
  if (json) {
    const { progress = null, tasks = null } = snapshot ?? {};
    const webUi = webUiLink(session, batchId);
    printJson({
      ok: true,
      batch_id: batchId,
      state,
      web_ui: webUi,
      progress,
      tasks,
      exit_code: 0,
      reason: state,
    });
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
