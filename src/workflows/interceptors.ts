/** What comes before every workflow, whatever its type. */
import { ApplicationFailure } from '@temporalio/common';
import { workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { WORKFLOW_TYPES } from '../domain/messages.ts';

/**
 * Types we don't know end as Failed at once. The default workflow alone is not enough for that: the SDK looks a type up
 * as a property, so it finds what every object inherits, and `valueOf` would fail its task for ever.
 */
export function interceptors(): WorkflowInterceptors {
  return {
    inbound: [
      {
        execute: async (input, next) => {
          if (KNOWN.includes(workflowInfo().workflowType)) return next(input);
          throw unknownWorkflowType();
        },
      },
    ],
  };
}

const KNOWN: readonly string[] = Object.values(WORKFLOW_TYPES);

function unknownWorkflowType(): ApplicationFailure {
  const message = `there is no workflow type "${workflowInfo().workflowType}" here; this task queue knows ${KNOWN.join(' and ')}`;
  return ApplicationFailure.nonRetryable(message, FAILURE_TYPES.unknownWorkflowType);
}
