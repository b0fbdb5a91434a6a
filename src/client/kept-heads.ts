/** What Temporal keeps of a batch's manifest (SPEC P3): a second witness, as long as its histories are kept. */
import type { Client } from '@temporalio/client';
import { describe, memoOf } from '../client.ts';
import type { KeptHead } from '../domain/batch-records.ts';
import { WORKFLOW_TYPES } from '../domain/messages.ts';

/** An id may have run very often; what was recorded last is what counts. */
const RUNS_ASKED = 50;

/** In the memo of each run that recorded its batch, newest first; none where the server knows no such workflow. */
export async function keptHeads(client: Client, workflowId: string): Promise<KeptHead[]> {
  const runs: { runId: string; startTime: Date }[] = [];
  for await (const run of client.workflow.list({ query: queryFor(workflowId) })) {
    if (run.workflowId === workflowId) runs.push(run);
    if (runs.length >= RUNS_ASKED) break;
  }
  const newestFirst = runs.toSorted((a, b) => b.startTime.getTime() - a.startTime.getTime());
  const heads: KeptHead[] = [];
  for (const { runId } of newestFirst) {
    // A list may lag behind what it lists.
    const run = await describe(client, workflowId, runId);
    const { batch_dir, manifest } = run === null ? {} : memoOf(run);
    if (batch_dir !== undefined && manifest !== undefined) heads.push({ batch_dir, ...manifest });
  }
  return heads;
}

/** Server 1.32 finds no id with one of these characters, however it is written: then all batches are gone through. */
function queryFor(workflowId: string): string {
  return /['"\\]/u.test(workflowId)
    ? `WorkflowType = '${WORKFLOW_TYPES.batch}'`
    : `WorkflowId = '${workflowId}'`;
}
