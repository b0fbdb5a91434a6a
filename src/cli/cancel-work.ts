/** `imgproof cancel` as it runs (SPEC B7): the whole batch, what is queued in it, some tasks, or a task alone. */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import { queryProgress } from '../client.ts';
import { type OrderState, taskEnd } from '../client/orders.ts';
import {
  cancelAll,
  cancelLoneTask,
  cancelQueued,
  cancelTask,
  OperationRefused,
} from '../client/operations.ts';
import type { CancelAnswer } from '../domain/messages.ts';
import { askYesNo } from './ask.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';
import { withMessages } from './message-session.ts';
import { cancelLines } from './operation-screen.ts';
import { print, printJson, printLines, safe, say } from './output.ts';
import type { Session } from './session.ts';
import { type BatchTarget, findBatch, findTarget, type TaskTarget } from './target.ts';
import { lookOf } from './terminal.ts';

export interface CancelFlags extends ServerFlags {
  all?: boolean;
  queued?: boolean;
  now?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** What could not be cancelled, and where it stands. */
interface Refused {
  task: string;
  status: string | null;
  error: string;
}

interface Outcome {
  answer: CancelAnswer;
  refused: Refused[];
}

export async function cancelWork(
  named: string,
  tasks: readonly string[],
  flags: CancelFlags,
): Promise<ExitCode> {
  refuseContradictions(tasks, flags);
  return withMessages(flags, async (session) => {
    const target = tasks.length > 0 ? await findBatch(session, named) : await findTarget(session, named);
    if (target.kind === 'task' && flags.queued)
      throw usage(`"${safe(named)}" is a task; --queued is for batches`);
    if (target.kind === 'batch' && tasks.length === 0 && !(await isMeant(session, target, flags))) {
      print('Nothing was cancelled.');
      return EXIT.ok;
    }
    const outcome = await cancelTarget(session, target, tasks, flags);
    return tell(named, outcome, flags);
  });
}

function refuseContradictions(tasks: readonly string[], { all, queued, now }: CancelFlags): void {
  if (all && queued) throw usage('--all and --queued exclude each other');
  if (tasks.length > 0 && (all || queued)) throw usage(`${all ? '--all' : '--queued'} takes no tasks`);
  if (queued && now) throw usage('--now is for requests that were sent; --queued leaves them alone');
}

function usage(message: string): CommandProblem {
  return new CommandProblem(EXIT.usage, `${message}. Nothing was cancelled.`);
}

/** Asks at a terminal only: elsewhere nobody could answer. */
async function isMeant(session: Session, { id, run }: BatchTarget, flags: CancelFlags): Promise<boolean> {
  if (flags.yes || flags.json || run.status.name !== 'RUNNING') return true;
  const counters = (await queryProgress(session.client, session.client.workflow.getHandle(id)))?.counters;
  const [waiting, running] = [counters?.queued ?? 'what is', counters?.running ?? 'what is'];
  const rest = flags.queued
    ? `let ${running} running go on`
    : flags.now
      ? `abort ${running} running (may be charged all the same)`
      : `let ${running} running finish (may be paid for already)`;
  return askYesNo(`Stop ${waiting} waiting and ${rest}?`);
}

async function cancelTarget(
  { client }: Session,
  target: BatchTarget | TaskTarget,
  tasks: readonly string[],
  { queued = false, now = false }: CancelFlags,
): Promise<Outcome> {
  if (target.kind === 'task') return one(target.key, () => cancelOne(client, target, now));
  const { id } = target;
  if (tasks.length === 0)
    return one(id, () => (queued ? cancelQueued(client, id) : cancelAll(client, id, { now })));
  const outcomes: Outcome[] = [];
  for (const task of tasks) outcomes.push(await one(task, () => cancelTask(client, id, { task, now })));
  return {
    answer: joined(outcomes.map(({ answer }) => answer)),
    refused: outcomes.flatMap(({ refused }) => refused),
  };
}

/** A task of a batch that runs is that batch's; any other one is told by itself. */
async function cancelOne(
  client: Session['client'],
  { key, batchId, run }: TaskTarget,
  now: boolean,
): Promise<CancelAnswer> {
  try {
    if (batchId !== null) return await cancelTask(client, batchId, { task: key, now });
    await cancelLoneTask(client, key, now ? 'now' : 'finish');
    return { ...NOTHING, [now ? 'aborting' : 'finishing']: [key] };
  } catch (error) {
    const isOver = error instanceof OperationRefused && error.kind === 'ended' && run !== null;
    throw isOver ? await endedTask(client, run) : error;
  }
}

/** In the words of tasks: those of its batch, or of Temporal, are others. */
async function endedTask(
  client: Session['client'],
  run: WorkflowExecutionDescription,
): Promise<OperationRefused> {
  const { workflowId, runId } = run;
  const state = run.status.name.toLowerCase() as OrderState;
  const { status } = await taskEnd(client, { id: workflowId, run_id: runId, state });
  return new OperationRefused('ended', `task "${workflowId}" has ended already: ${status}`, status);
}

const NOTHING: CancelAnswer = { cancelled: [], finishing: [], aborting: [] };

/** What is refused is told beside what was done, not instead of it. */
async function one(task: string, cancel: () => Promise<CancelAnswer>): Promise<Outcome> {
  try {
    return { answer: await cancel(), refused: [] };
  } catch (error) {
    if (!(error instanceof OperationRefused) || error.kind === 'not served') throw error;
    return { answer: NOTHING, refused: [{ task, status: error.status, error: error.message }] };
  }
}

function joined(answers: readonly CancelAnswer[]): CancelAnswer {
  return {
    cancelled: answers.flatMap(({ cancelled }) => cancelled),
    finishing: answers.flatMap(({ finishing }) => finishing),
    aborting: answers.flatMap(({ aborting }) => aborting),
  };
}

/** SPEC F11: of something that has ended `{ok: false, status, error}` and exit 2. */
function tell(id: string, { answer, refused }: Outcome, { json }: CancelFlags): ExitCode {
  const [first] = refused;
  const exitCode = first === undefined ? EXIT.ok : EXIT.usage;
  for (const { error } of refused) say(`imgproof: ${safe(error)}`);
  if (json) {
    const reason = first?.error ?? 'cancelled';
    const problem = first === undefined ? {} : { status: first.status, error: first.error, refused };
    printJson({ ok: first === undefined, id, ...answer, ...problem, exit_code: exitCode, reason });
    return exitCode;
  }
  const isAnything = [answer.cancelled, answer.finishing, answer.aborting].some(({ length }) => length > 0);
  if (!isAnything && first !== undefined) return exitCode;
  printLines(cancelLines(id, answer, lookOf(process.stdout)));
  return exitCode;
}
