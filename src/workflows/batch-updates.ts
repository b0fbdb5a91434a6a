/**
 * What people ask of a running batch (SPEC B7, T3). Handlers are synchronous, so that none is cut off when the batch ends
 * (DESIGN 2.8); what is refused is refused by a validator and leaves no trace in the history.
 */
import { ApplicationFailure } from '@temporalio/common';
import { defineUpdate, setHandler } from '@temporalio/workflow';
import { FAILURE_TYPES } from '../domain/failure.ts';
import {
  type CancelAnswer,
  type CancelRequest,
  type MaxWorkersAnswer,
  type PauseAnswer,
  type PauseRequest,
  type ResumeRequest,
  type RetryAnswer,
  type RetrySelection,
  type TaskState,
  UPDATES,
} from '../domain/messages.ts';
import { hasEnded } from '../domain/status.ts';
import { findTask, tasksToRetry } from '../domain/task-selection.ts';
import { maxCostIn, modeOf, reasonIn, refused, selectionIn, textIn, workersIn } from './message-inputs.ts';
import type { TaskWindow } from './task-window.ts';

export function handleUpdates(window: TaskWindow): void {
  handleCancels(window);
  handlePauses(window);
  handleMaxWorkers(window);
  handleRetries(window);
}

function handleCancels(window: TaskWindow): void {
  setHandler(
    defineUpdate<CancelAnswer, [CancelRequest]>(UPDATES.cancelTask),
    (request) => window.cancel([find(window, request)], modeOf(request)),
    {
      description:
        'Stop one task: {"task": key or name, "now": false}. Sent requests finish unless "now" is true',
      validator: (request) => {
        refuseBeforeAdmission(window);
        refuseEnded(find(window, request));
        modeOf(request);
      },
    },
  );
  setHandler(defineUpdate<CancelAnswer>(UPDATES.cancelQueued), () => window.cancelQueued(), {
    description: 'Drop every task that has not begun',
  });
  setHandler(
    defineUpdate<CancelAnswer, [Pick<CancelRequest, 'now'>?]>(UPDATES.cancelAll),
    (request?) => window.cancelAll(modeOf(request)),
    {
      description: 'Stop everything: {"now": false}. Sent requests finish unless "now" is true',
      validator: (request?) => void modeOf(request),
    },
  );
}

/** Also before admission: then nothing is started after it. */
function handlePauses(window: TaskWindow): void {
  setHandler(
    defineUpdate<PauseAnswer, [PauseRequest?]>(UPDATES.pause),
    (request?) => window.pause(reasonIn(request)),
    {
      description: 'Start no further task: {"reason": text}. Running ones go on',
      validator: (request?) => void reasonIn(request),
    },
  );
  setHandler(
    defineUpdate<PauseAnswer, [ResumeRequest?]>(UPDATES.resume),
    (request?) => window.resume(maxCostIn(request)),
    {
      description: 'Start tasks again: {"max_cost": another cap from now on}',
      validator: (request?) => {
        const maxCostMicros = maxCostIn(request);
        if (maxCostMicros !== null) refuseBeforeAdmission(window);
        const problem = window.resumeProblem(maxCostMicros);
        if (problem !== null) throw refused(problem);
      },
    },
  );
}

function handleMaxWorkers(window: TaskWindow): void {
  setHandler(
    defineUpdate<MaxWorkersAnswer, [unknown]>(UPDATES.setMaxWorkers),
    (request) => window.setMaxWorkers(workersIn(request)),
    {
      description: 'Images at the same time: {"max_workers": 1 to 4}',
      validator: (request) => {
        refuseBeforeAdmission(window);
        workersIn(request);
      },
    },
  );
}

function handleRetries(window: TaskWindow): void {
  setHandler(
    defineUpdate<RetryAnswer, [RetrySelection?]>(UPDATES.retryFailed),
    (selection?) => {
      const states = selected(window, selection);
      window.retry(states);
      return { retried: states.map(({ task_key }) => task_key) };
    },
    {
      description:
        'Run ended tasks again: {"failed": true, "timed_out": true, "tasks": [keys]}. Without input failed and timed out ones',
      validator: (selection?) => {
        refuseBeforeAdmission(window);
        selected(window, selection);
      },
    },
  );
}

function refuseBeforeAdmission({ book }: TaskWindow): void {
  if (book.admission !== null) return;
  const message = 'the batch is still being admitted; try again in a moment';
  throw ApplicationFailure.nonRetryable(message, FAILURE_TYPES.notAdmitted);
}

/** @throws ApplicationFailure `UnknownTask` */
function find({ book }: TaskWindow, request: unknown): TaskState {
  const found = findTask(book.states(), textIn(request, 'task'));
  if ('task' in found) return found.task;
  throw ApplicationFailure.nonRetryable(found.problem, FAILURE_TYPES.unknownTask);
}

/** @throws ApplicationFailure when the selection is none, or names what can't run again */
function selected({ book }: TaskWindow, selection: unknown): TaskState[] {
  const found = tasksToRetry(book.states(), selectionIn(selection));
  if ('tasks' in found) return found.tasks;
  throw refused(found.problem);
}

function refuseEnded({ task_key, status }: TaskState): void {
  if (!hasEnded(status)) return;
  throw ApplicationFailure.nonRetryable(
    `task "${task_key}" has ended already: ${status}`,
    FAILURE_TYPES.alreadyEnded,
    { task_key, status },
  );
}
