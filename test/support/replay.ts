import { fileURLToPath } from 'node:url';
import type { HistoryAndWorkflowId } from '@temporalio/client';
import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import type { History } from '../histories/committed.ts';

/** The workflow code as workers load it. */
export const BUILT: WorkflowBundleOption = {
  codePath: fileURLToPath(new URL('../../dist/workflow-bundle.js', import.meta.url)),
};

/** @throws DeterminismViolationError when this workflow code would not have done what the history says. */
export function replay(workflowBundle: WorkflowBundleOption, history: History): Promise<void> {
  const { workflowId } = history.events[0]?.workflowExecutionStartedEventAttributes ?? {};
  return Worker.runReplayHistory({ workflowBundle }, history, workflowId);
}

/** What the built workflows say of each history that they would not have made. */
export async function replayProblems(histories: Iterable<HistoryAndWorkflowId>): Promise<string[]> {
  const problems: string[] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: BUILT }, histories)) {
    if (error !== undefined) problems.push(`${workflowId}: ${error.message}`);
  }
  return problems;
}
