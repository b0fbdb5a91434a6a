/** `imgproof batch` as it runs: check everything, order, wait, tell (SPEC B6, C). Loads Temporal's client. */
import { createHash } from 'node:crypto';
import { type Refusal, submitBatch } from '../client.ts';
import type { Settings } from '../config.ts';
import type { BatchRequest, NormalizedBatch } from '../domain/batch.ts';
import { batchHash, defaultBatchId, keyProblem } from '../domain/ids.ts';
import { normalizeBatch } from '../intake/normalize.ts';
import { parseJson } from '../intake/parse.ts';
import { unpricedProblems } from '../intake/priced.ts';
import type { Problem } from '../intake/problems.ts';
import { batchAsWritten, ELSEWHERE, modelsWritten } from './as-written.ts';
import { announceBatch, refuseOversize } from './batch-order.ts';
import { confirmCost, tellDryRun } from './estimate.ts';
import { listenForSignals } from './detached.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import {
  type EstimateFlags,
  type ProviderDownFlags,
  providerDownOverride,
  type RequestFlags,
  requestOverrides,
  type ServerFlags,
  type WaitFlags,
} from './flags.ts';
import { followBatch } from './follow-batch.ts';
import { type InputText, readInput } from './input.ts';
import { batchRequestOf, checkProviders, referenceProblems, workerHere } from './order.ts';
import { print, printJson, sayLines } from './output.ts';
import { problemLines, problemsSentence } from './problem-screen.ts';
import { openProgress } from './progress.ts';
import type { OrderFacts } from './progress-view.ts';
import { isEmbedded, openSession, type Session, settingsOf, webUiLink } from './session.ts';
import { lookOf } from './terminal.ts';

export interface BatchFlags extends RequestFlags, ProviderDownFlags, EstimateFlags, WaitFlags, ServerFlags {
  maxWorkers?: number;
  queueLimit?: number;
  maxCost?: number;
  batchId?: string;
  again?: boolean;
}

export async function orderBatch(argument: string, flags: BatchFlags): Promise<void> {
  const progress = await openProgress(flags.progress);
  const settings = settingsOf();
  const input = readInput(argument);
  const embedded = await isEmbedded(settings, flags);
  const { batch, request, locate } = await checkedBatch(settings, input, flags, embedded);
  if (embedded) await checkProviders(settings, batch.tasks);
  const hash = batchHash(batch.tasks, sha256);
  const batchId = flags.batchId ?? defaultBatchId(batch.batch_name, hash, sha256);
  const idProblem = keyProblem(batchId, null);
  if (idProblem !== null)
    throw new CommandProblem(EXIT.usage, `the batch id ${idProblem}. Nothing was sent.`);
  const clashes = keyClashes(batch, batchId);
  if (clashes.length > 0) throw badInput(locate(clashes), input, batch.tasks.length);
  refuseOversize(request);
  const models = embedded ? modelsOf(batch) : modelsWritten(request);
  if (flags.dryRun) return tellDryRun(settings, { ...checkedOrder(batch), models, embedded }, flags);
  if (embedded) await confirmCost(settings, batch.tasks, flags);
  const signals = listenForSignals();
  const session = await openSession(settings, flags);
  signals.ordering();
  try {
    const order = { batchId, batchHash: hash, request, isAsWritten: !embedded };
    const submitted = await submitBatch(session.client, order);
    if (!('handle' in submitted)) throw refused(submitted.decision, batchId);
    const facts = orderFacts(batch, models, batchId, submitted.decision === 'attach');
    announceBatch(session, batch, facts, progress);
    if (!flags.wait) tellOrdered(session, batchId, flags);
    else {
      const ranBefore = submitted.ranBefore && !batch.again;
      process.exitCode = await followBatch(session, facts, { progress, signals, ranBefore }, flags);
    }
  } finally {
    signals.ignore();
    progress.end(true);
    await session.close();
  }
}

/** SPEC B8: all problems at once, with their places; nothing is sent when there is one. */
async function checkedBatch(
  settings: Settings,
  input: InputText,
  flags: BatchFlags,
  embedded: boolean,
): Promise<{ batch: NormalizedBatch; request: BatchRequest; locate: (problems: Problem[]) => Problem[] }> {
  const parsed = parseJson(input.text, input.name);
  if ('problems' in parsed) throw badInput(parsed.problems, input, 0);
  const overrides = { ...requestOverrides(flags), ...providerDownOverride(flags), ...batchOverrides(flags) };
  const place = embedded
    ? { baseDir: input.baseDir, overridesDir: process.cwd(), ...workerHere(settings) }
    : ELSEWHERE;
  const normalized = normalizeBatch(parsed.value, { ...place, overrides, batchName: input.batchName });
  const locate = (problems: Problem[]) =>
    problems.map((problem) => ({ ...parsed.locate(problem.path), ...problem }));
  const tasks = 'problems' in normalized ? normalized.tasks : normalized.batch.tasks;
  const references = embedded ? await referenceProblems(settings, tasks, (i) => ['tasks', i], flags) : [];
  const unpriced =
    embedded && 'batch' in normalized ? unpricedProblems(normalized.batch, settings.prices) : [];
  const problems = [...('problems' in normalized ? normalized.problems : []), ...references, ...unpriced];
  if ('problems' in normalized || problems.length > 0) {
    throw badInput(locate(problems), input, taskCount(parsed.value));
  }
  const { batch } = normalized;
  const request = embedded
    ? batchRequestOf(batch, batch.again)
    : batchAsWritten(parsed.value, overrides, batch.batch_name);
  return { batch, request, locate };
}

/** SPEC B5: only now the batch id is known. */
function keyClashes({ tasks }: NormalizedBatch, batchId: string): Problem[] {
  return tasks.flatMap(({ task_key }, i) => {
    const message = task_key === undefined ? null : keyProblem(task_key, batchId);
    return message === null ? [] : [{ path: ['tasks', i, 'task_key'], message }];
  });
}

function checkedOrder({ tasks, warnings, max_cost_micros: maxCostMicros }: NormalizedBatch) {
  return { tasks, warnings, maxCostMicros };
}

function batchOverrides({ maxWorkers, queueLimit, maxCost, again }: BatchFlags) {
  return {
    ...(maxCost === undefined ? {} : { max_cost: maxCost }),
    ...(maxWorkers === undefined ? {} : { max_workers: maxWorkers }),
    ...(queueLimit === undefined ? {} : { queue_limit: queueLimit }),
    ...(again === undefined ? {} : { again }),
  };
}

function badInput(problems: Problem[], input: InputText, tasks: number): CommandProblem {
  sayLines(problemLines(problems, input.name, lookOf(process.stderr)));
  return new CommandProblem(EXIT.usage, problemsSentence(problems, tasks), problems);
}

function taskCount(value: unknown): number {
  const { tasks } = (value ?? {}) as { tasks?: unknown };
  return Array.isArray(tasks) ? tasks.length : 0;
}

function refused(decision: Refusal, batchId: string): CommandProblem {
  const why = {
    'refuse: no batch': `"${batchId}" is the id of a running task, not of a batch; choose another --batch-id`,
    'refuse: other content': `the batch id "${batchId}" was used for other content; choose another --batch-id, or none`,
    'refuse: still running': `"${batchId}" is still running; --again orders anew when it has ended`,
  }[decision];
  return new CommandProblem(EXIT.usage, `${why}. Nothing was sent.`);
}

function modelsOf({ tasks }: NormalizedBatch): string {
  return [...new Set(tasks.map((task) => `${task.provider}/${task.model}`))].join(', ');
}

function orderFacts({ tasks }: NormalizedBatch, models: string, id: string, isAttached: boolean): OrderFacts {
  return { kind: 'batch', id, total: tasks.length, models, isAttached };
}

function tellOrdered(session: Session, batchId: string, flags: BatchFlags): void {
  if (flags.json)
    printJson({
      ok: true,
      batch_id: batchId,
      web_ui: webUiLink(session, batchId),
      exit_code: 0,
      reason: 'ordered',
    });
  else print(batchId);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
