/** What a batch leaves in Temporal's database, by the Temporal CLI itself. */
import type { Stack } from './stack.ts';
import { median } from './stats.ts';

export interface HistorySize {
  events: number;
  bytes: number;
}

export interface HistoryFigures {
  /** Of the batch's own workflow, divided by its tasks: what is there once is part of it. */
  parentPerTask: HistorySize;
  /** Of a task's workflow: the median of all. */
  child: HistorySize;
  /** When the batch's workflow closed, ISO 8601: everything is recorded then. */
  closedAt: string;
}

/** Numbers of 64 bits are texts in the CLI's JSON. */
interface Execution {
  historyLength: string;
  historySizeBytes: string;
}

export async function historyFigures(
  { imgproof }: Stack,
  batchId: string,
  tasks: number,
): Promise<HistoryFigures> {
  const json = async (...args: string[]) =>
    JSON.parse((await imgproof(['temporal', 'workflow', ...args, '--output', 'json'])).stdout) as unknown;
  const { workflowExecutionInfo } = (await json('describe', '--workflow-id', batchId)) as {
    workflowExecutionInfo: Execution & { closeTime: string };
  };
  const query = `ParentWorkflowId = '${batchId}' AND ExecutionStatus = 'Completed'`;
  const children = (await json('list', '--query', query, '--limit', String(2 * tasks))) as Execution[];
  const parent = sizeOf(workflowExecutionInfo);
  const sizes = children.map(sizeOf);
  return {
    parentPerTask: { events: parent.events / tasks, bytes: parent.bytes / tasks },
    child: {
      events: median(sizes.map(({ events }) => events)),
      bytes: median(sizes.map(({ bytes }) => bytes)),
    },
    closedAt: workflowExecutionInfo.closeTime,
  };
}

function sizeOf({ historyLength, historySizeBytes }: Execution): HistorySize {
  return { events: Number(historyLength), bytes: Number(historySizeBytes) };
}
