/** `imgproof run` as it runs: one image (SPEC C1, H4). Loads Temporal's client. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, isAlreadyStarted, submitTask, type TaskHandle } from '../client.ts';
import type { Settings } from '../config.ts';
import { keyProblem, shorten } from '../domain/ids.ts';
import { timestamp } from '../domain/layout.ts';
import { WORKFLOW_TYPES } from '../domain/messages.ts';
import type { TaskRow } from '../domain/records.ts';
import type { NormalizedTask, TaskRequest } from '../domain/task.ts';
import { normalizeTask } from '../intake/normalize.ts';
import type { Problem } from '../intake/problems.ts';
import { ELSEWHERE, modelsWritten } from './as-written.ts';
import { confirmCost, tellDryRun } from './estimate.ts';
import { listenForSignals, type Signals } from './detached.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import {
  type EstimateFlags,
  type RequestFlags,
  requestOverrides,
  type ServerFlags,
  type TaskFlags,
  taskOfFlags,
  type WaitFlags,
} from './flags.ts';
import { taskLooks } from './looks.ts';
import { checkProviders, referenceProblems, taskRequestOf, workerHere } from './order.ts';
import { note, print, printJson, safe, say, sayLines, warn } from './output.ts';
import { problemLines, problemsSentence } from './problem-screen.ts';
import { openProgress, type Progress } from './progress.ts';
import type { OrderFacts } from './progress-view.ts';
import { runEnd } from './run-end.ts';
import { isEmbedded, openSession, type Session, settingsOf, webUiLink } from './session.ts';
import { lookOf, symbolsOf } from './terminal.ts';
import { watchUntilEnd } from './watch.ts';
import { modeNames } from './words.ts';

export interface RunFlags extends RequestFlags, TaskFlags, EstimateFlags, WaitFlags, ServerFlags {
  prompt: string;
  resume?: boolean;
}

export async function orderTask(flags: RunFlags): Promise<void> {
  const progress = await openProgress(flags.progress);
  const settings = settingsOf();
  const embedded = await isEmbedded(settings, flags);
  const { task, written } = await checkedTask(settings, flags, embedded);
  if (embedded) await checkProviders(settings, [task]);
  const models = embedded ? `${task.provider}/${task.model}` : modelsWritten({ tasks: [written] });
  const checked = { tasks: [task], models, warnings: [], maxCostMicros: null, embedded };
  if (flags.dryRun) return tellDryRun(settings, checked, flags);
  if (embedded) await confirmCost(settings, [task], flags);
  const key = flags.taskKey ?? ownKey(task.task_name);
  const signals = listenForSignals();
  const session = await openSession(settings, flags);
  signals.ordering();
  try {
    const request = {
      ...(embedded ? taskRequestOf({ ...task, task_key: key }) : written),
      ...(flags.resume ? { resume: true } : {}),
    };
    const { handle, isAttached } = await startOrAttach(session, key, request);
    const order: OrderFacts = { kind: 'task', id: key, total: 1, models, isAttached };
    announce(session, order, task);
    if (!flags.wait)
      return flags.json
        ? printJson({ ok: true, task_key: key, exit_code: 0, reason: 'ordered' })
        : print(key);
    await follow(session, handle, task, order, { progress, signals }, flags);
  } finally {
    signals.ignore();
    progress.end(false);
    await session.close();
  }
}

function announce(session: Session, { id, models }: OrderFacts, task: NormalizedTask): void {
  const { unicode } = lookOf(process.stderr);
  const { dot } = symbolsOf({ unicode });
  const made = [modeNames(task.mode, unicode), safe(models), task.size];
  note(`${safe(id)}  ${made.join(` ${dot} `)}`);
  const link = webUiLink(session, id);
  if (link !== null) note(`  Web UI  ${link}`);
}

async function follow(
  session: Session,
  handle: TaskHandle,
  task: NormalizedTask,
  order: OrderFacts,
  { progress, signals }: { progress: Progress; signals: Signals },
  flags: RunFlags,
): Promise<void> {
  const seen = { ...task, references: task.input_images.length };
  const looks = taskLooks(session.client, order.id, seen, order, progress);
  const ending = await watchUntilEnd<TaskRow>(handle, {
    session,
    flags,
    look: looks.look,
    letGo: signals.letGo,
  });
  const isOver = ending.kind === 'result' || ending.kind === 'failed';
  progress.end(!isOver);
  process.exitCode = await runEnd(ending, order.id, looks.lastView(), flags);
}

/** SPEC H4. */
function ownKey(taskName: string): string {
  const unique = `-${timestamp(Date.now())}-${randomBytes(3).toString('hex')}`;
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
  return shorten(taskName + unique, sha256);
}

/** `written`: what goes to a worker elsewhere (SPEC C6). */
async function checkedTask(
  settings: Settings,
  flags: RunFlags,
  embedded: boolean,
): Promise<{ task: NormalizedTask; written: TaskRequest }> {
  if (flags.resume && flags.taskKey === undefined) {
    throw new CommandProblem(
      EXIT.usage,
      '--resume needs --task-key: it names the earlier task. Nothing was sent.',
    );
  }
  const keyTrouble = flags.taskKey === undefined ? null : keyProblem(flags.taskKey, null);
  const { task_key, ...fields } = taskOfFlags(flags);
  const hasKey = task_key !== undefined && keyTrouble === null;
  const value = { ...fields, prompt: flags.prompt, ...(hasKey ? { task_key } : {}) };
  const overrides = requestOverrides(flags);
  const place = embedded ? { baseDir: process.cwd(), ...workerHere(settings) } : ELSEWHERE;
  const normalized = normalizeTask(value, { ...place, overrides, batchName: 'run' });
  const problems: Problem[] = keyTrouble === null ? [] : [{ path: ['task_key'], message: keyTrouble }];
  if ('problems' in normalized) throw badInput([...problems, ...normalized.problems]);
  const { resume: _, ...task } = normalized.task;
  for (const warning of normalized.warnings) warn(warning);
  if (embedded) problems.push(...(await referenceProblems(settings, [task], () => [], flags)));
  if (problems.length > 0) throw badInput(problems);
  return { task, written: { ...value, ...overrides } };
}

function badInput(problems: Problem[]): CommandProblem {
  sayLines(problemLines(problems, 'command line', lookOf(process.stderr)));
  return new CommandProblem(EXIT.usage, problemsSentence(problems, 1), problems);
}

/** An explicit key promises equal work: while it is active, the same command comes back to it (SPEC B5). */
async function startOrAttach(
  session: Session,
  key: string,
  request: ReturnType<typeof taskRequestOf>,
): Promise<{ handle: TaskHandle; isAttached: boolean }> {
  try {
    return { handle: await submitTask(session.client, key, request), isAttached: false };
  } catch (error) {
    if (!isAlreadyStarted(error)) throw error;
    const active = await describe(session.client, key);
    if (active !== null && active.type !== WORKFLOW_TYPES.task) {
      throw new CommandProblem(
        EXIT.usage,
        `"${key}" is the id of a running batch, not of a task; choose another --task-key. Nothing was sent.`,
      );
    }
    say(
      `attached: "${safe(key)}" is active already (run ${active?.runId ?? 'unknown'}); its own prompt and flags count`,
    );
    return { handle: session.client.workflow.getHandle(key), isAttached: true };
  }
}
