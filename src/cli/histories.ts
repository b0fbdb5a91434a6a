/** Temporal's own record of a batch and its tasks, where a server can be asked without starting one. */
import { readBatchRequest } from '../artifacts/batch-folder.ts';
import { readJson } from '../artifacts/task-folder.ts';
import type { BatchResultRecord } from '../domain/batch-records.ts';
import { FILES } from '../domain/layout.ts';
import { CommandProblem } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';

/** By file name; or why there are none. */
export async function historiesOf(
  batchDir: string,
  flags: ServerFlags,
): Promise<Map<string, string> | { missing: string }> {
  const request = await readBatchRequest(batchDir);
  const record = await readJson<BatchResultRecord>(`${batchDir}/${FILES.batchResult}`);
  if (request === null) return { missing: 'the batch has no order' };
  const runs = [
    { workflowId: request.workflow_id, runId: undefined },
    ...(record?.results ?? []).flatMap(({ workflow_id, run_id }) =>
      workflow_id === null || run_id === null ? [] : [{ workflowId: workflow_id, runId: run_id }],
    ),
  ];
  const { withLook } = await import('./look-session.ts');
  const { historyToJSON } = await import('../temporal/history-json.ts');
  try {
    return await withLook(flags, async ({ client }) => {
      const found = new Map<string, string>();
      for (const [i, { workflowId, runId }] of runs.entries()) {
        const handle = client.workflow.getHandle(workflowId, runId);
        const history = await handle.fetchHistory().catch(() => null);
        if (history !== null) found.set(fileName(i, workflowId), historyToJSON(history));
      }
      return found.size === 0 ? { missing: 'the server has none of this batch any more' } : found;
    });
  } catch (error) {
    if (error instanceof CommandProblem) return { missing: error.message };
    throw error;
  }
}

function fileName(index: number, workflowId: string): string {
  const name = workflowId.replaceAll(/[^A-Za-z0-9._-]+/gu, '-').slice(0, 80);
  return `${String(index).padStart(4, '0')}-${name}.json`;
}
