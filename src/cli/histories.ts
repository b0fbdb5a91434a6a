/** Temporal's own record of a batch and its tasks, where a server can be asked without starting one. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { FILES } from '../domain/layout.ts';
import { readRecord } from '../proof/safe-read.ts';
import { asFields, asList, textOr } from '../report/fields.ts';
import { CommandProblem } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';

interface Run {
  workflowId: string;
  runId: string | undefined;
  /** A task that ended without a request may never have had a workflow. */
  maybeNone: boolean;
}

/** One JSON file each into `folder`, one after the other; `missing` says what is not there and why. */
export async function writeHistories(
  batchDir: string,
  folder: string,
  flags: ServerFlags,
): Promise<{ missing: string | null }> {
  const runs = await runsOf(batchDir);
  if (runs.length === 0) return { missing: 'the records of the batch name no workflow' };
  const { withLook } = await import('./look-session.ts');
  try {
    return await withLook(flags, async ({ client }) => {
      let missing = 0;
      let files = 0;
      for (const run of runs) {
        const written = await writeRuns(
          client,
          run,
          (name) => join(folder, `${String(files).padStart(4, '0')}-${name}`),
          () => (files += 1),
        );
        if (written === 0 && !run.maybeNone) missing += 1;
      }
      if (missing === 0) return { missing: null };
      return {
        missing:
          files === 0
            ? 'the server has none of this batch any more'
            : `the server has none of ${missing} of ${runs.length} workflows any more`,
      };
    });
  } catch (error) {
    if (error instanceof CommandProblem) return { missing: error.message };
    throw error;
  }
}

/** The batch from its first run on, and each task's run. */
async function runsOf(batchDir: string): Promise<Run[]> {
  const [request, result] = await Promise.all(
    [FILES.batchRequest, FILES.batchResult].map(async (name) => {
      const read = await readRecord(batchDir, name);
      return read.kind === 'read' ? read.value : {};
    }),
  );
  const batch = { workflow_id: request?.['workflow_id'], run_id: request?.['order_run_id'] };
  return [batch, ...asList(result?.['results'])].flatMap((named) => {
    const { workflow_id, run_id, attempts_count, status } = asFields(named);
    const workflowId = textOr(workflow_id, '');
    const maybeNone = attempts_count === 0 && status !== 'completed';
    return workflowId === '' || typeof run_id !== 'string' ? [] : [{ workflowId, runId: run_id, maybeNone }];
  });
}

/** A run and what it was continued as; how many there were. */
async function writeRuns(
  client: Client,
  first: Run,
  placeOf: (name: string) => string,
  wrote: () => void,
): Promise<number> {
  const { historyToJSON } = await import('../temporal/history-json.ts');
  let { runId } = first;
  for (let count = 0; ; count += 1) {
    const history = await client.workflow
      .getHandle(first.workflowId, runId)
      .fetchHistory()
      .catch(() => null);
    if (history === null) return count;
    await writeFile(placeOf(fileName(first.workflowId)), historyToJSON(history), { mode: 0o600, flag: 'wx' });
    wrote();
    const next = history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    if (typeof next !== 'string' || next === '' || next === runId) return count + 1;
    runId = next;
  }
}

function fileName(workflowId: string): string {
  return `${workflowId.replaceAll(/[^A-Za-z0-9._-]+/gu, '-').slice(0, 80)}.json`;
}
