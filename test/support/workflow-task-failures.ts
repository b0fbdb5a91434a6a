/**
 * "Nothing ever loops in workflow-task failures" (SPEC T1), judged by the histories themselves: every workflow that was
 * started, the children its history names, and their children. It asks for single histories only, because the
 * time-skipping server can't list workflows.
 */
import type { HistoryAndWorkflowId, WorkflowClient, WorkflowClientInterceptor } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

export interface WorkflowRun {
  workflowId: string;
  runId: string;
}

/** An event as `temporal workflow show -o json` prints it; of the attributes only those that are looked at. */
export interface HistoryEvent {
  eventId: string;
  eventType: string;
  workflowExecutionStartedEventAttributes?: { workflowId: string };
  workflowTaskFailedEventAttributes?: { cause?: string; failure?: { message?: string } };
  workflowTaskTimedOutEventAttributes?: { timeoutType?: string };
  childWorkflowExecutionStartedEventAttributes?: { workflowExecution: WorkflowRun };
  workflowExecutionContinuedAsNewEventAttributes?: { newExecutionRunId: string };
}

export class WorkflowTaskFailures {
  /** Of the client that starts the workflows: it sees every start, whoever in the test asks for it. */
  readonly interceptor: WorkflowClientInterceptor = {
    startWithDetails: async (input, next) => {
      const output = await next(input);
      const { workflowId } = input.options;
      this.watch({ workflowId, runId: output.runId });
      return output;
    },
  };
  /** Of the runs that were seen to have ended. */
  readonly histories: HistoryAndWorkflowId[] = [];
  readonly #open = new Map<string, WorkflowRun>();
  readonly #known = new Set<string>();
  readonly #reported = new Set<string>();

  /** A run that was not started by the client: a reset makes one. */
  watch(run: WorkflowRun): void {
    if (this.#known.has(run.runId)) return;
    this.#known.add(run.runId);
    this.#open.set(run.runId, run);
  }

  /** Sentences, each told once. Runs that are still open are read again the next time. */
  async news(client: WorkflowClient): Promise<string[]> {
    const news: string[] = [];
    // Children are added while it runs, and a Map goes on with what is added to it.
    for (const run of this.#open.values()) {
      const { workflowId, runId } = run;
      const history = await client.getHandle(workflowId, runId).fetchHistory();
      const { events } = JSON.parse(historyToJSON(history)) as { events: HistoryEvent[] };
      for (const found of runsNamedIn(events, workflowId)) this.watch(found);
      news.push(...this.#untold(run, workflowTaskFailures(events)));
      if (!events.some(isClosing)) continue;
      this.#open.delete(runId);
      this.histories.push({ workflowId, history });
    }
    return news;
  }

  #untold({ workflowId, runId }: WorkflowRun, problems: { eventId: string; problem: string }[]): string[] {
    const untold = problems.filter(({ eventId }) => !this.#reported.has(`${runId} ${eventId}`));
    for (const { eventId } of untold) this.#reported.add(`${runId} ${eventId}`);
    return untold.map(({ eventId, problem }) => `${workflowId} (run ${runId}), event ${eventId}: ${problem}`);
  }
}

/** What went wrong with the workflow tasks of one history. */
export function workflowTaskFailures(
  events: readonly HistoryEvent[],
): { eventId: string; problem: string }[] {
  return events.flatMap((event) => {
    const { eventId } = event;
    const { cause = 'unknown', failure } = event.workflowTaskFailedEventAttributes ?? {};
    const { timeoutType = 'unknown' } = event.workflowTaskTimedOutEventAttributes ?? {};
    switch (event.eventType) {
      case 'EVENT_TYPE_WORKFLOW_TASK_FAILED':
        if (NO_FAULT.has(cause)) return [];
        return [{ eventId, problem: `WorkflowTaskFailed, ${cause}: ${failure?.message ?? 'no message'}` }];
      case 'EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT':
        if (NO_FAULT.has(timeoutType)) return [];
        return [{ eventId, problem: `WorkflowTaskTimedOut, ${timeoutType}` }];
      default:
        return [];
    }
  });
}

/** What the server itself writes without anything being wrong with workflow code or worker. */
const NO_FAULT = new Set([
  // A reset begins with it.
  'WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW',
  // A workflow was terminated or reset while a worker was at it.
  'WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND',
  // A message came while the workflow was about to close: the server asks it once more.
  'WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND',
  // A task that no worker took from its sticky queue goes to the common one.
  'TIMEOUT_TYPE_SCHEDULE_TO_START',
]);

function runsNamedIn(events: readonly HistoryEvent[], workflowId: string): WorkflowRun[] {
  return events.flatMap((event) => {
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    const next = event.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
    return [...(child ? [child] : []), ...(next ? [{ workflowId, runId: next }] : [])];
  });
}

const isClosing = ({ eventType }: HistoryEvent) => CLOSING.has(eventType);
const CLOSING = new Set(
  ['COMPLETED', 'FAILED', 'TIMED_OUT', 'CANCELED', 'TERMINATED', 'CONTINUED_AS_NEW'].map(
    (end) => `EVENT_TYPE_WORKFLOW_EXECUTION_${end}`,
  ),
);
