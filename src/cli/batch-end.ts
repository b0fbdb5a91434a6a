/** How a waiting `batch` ends: what it prints and which exit code it has (SPEC C3, C4, H6). */
import { join } from 'node:path';
import { describe } from '../client.ts';
import { readJson } from '../artifacts/task-folder.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { FILES } from '../domain/layout.ts';
import type { BatchResultRecord, BatchSummary } from '../domain/batch-records.ts';
import { SCHEMA_VERSION, type TaskRow } from '../domain/records.ts';
import { batchEndLines, batchNextText } from './batch-screen.ts';
import { comeBack, quoted, sameServer } from './come-back.ts';
import { detachedText, exitCodeOfSignal } from './detached.ts';
import { endNow } from './end-now.ts';
import { type BatchEnd, recordOf } from './ended-batch.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import type { WaitFlags } from './flags.ts';
import { note, printJson, printLines, safe, say, warn } from './output.ts';
import { serverTrouble } from './server-trouble.ts';
import type { View } from './progress-view.ts';
import { type Session, webUiLink } from './session.ts';
import { lookOf } from './terminal.ts';
import type { Ending } from './watch.ts';

interface Order {
  batchId: string;
  /** The same order ended before: then results were to be adopted. */
  ranBefore: boolean;
  /** What was seen last. */
  view: View | null;
}

export interface EndedBatch extends BatchEnd {
  summary: BatchSummary;
}

/** The wait for it came to an end, one way or the other. */
type Closed<T> = Extract<Ending<T>, { kind: 'result' | 'failed' }>;

/** @throws CommandProblem when it ended without a record */
export async function endedBatch(
  ending: Closed<BatchSummary>,
  session: Session,
  batchId: string,
): Promise<EndedBatch> {
  switch (ending.kind) {
    case 'result': {
      const { result: summary } = ending;
      // The files are the worker's: with a worker elsewhere there is nothing to read, and the summary has to do.
      const record = await readJson<BatchResultRecord>(summary.batch_result_json);
      return { summary, rows: record?.results ?? null };
    }
    case 'failed': {
      const record = await recordOfCancelled(session, batchId);
      if (record === null) throw closedBadly(ending.error, batchId);
      const { results: rows, schema_version: _, ...summary } = record;
      const batch_result_json = join(record.batch_dir, FILES.batchResult);
      return { summary: { ...summary, batch_result_json }, rows };
    }
  }
}

/** A cancelled batch has written its record all the same. */
async function recordOfCancelled({ client }: Session, batchId: string): Promise<BatchResultRecord | null> {
  const run = await describe(client, batchId).catch(() => null);
  return run?.status.name === 'CANCELLED' ? recordOf(run) : null;
}

export function tellEnded(
  { summary, rows }: EndedBatch,
  session: Session,
  order: Order,
  flags: Pick<WaitFlags, 'json'>,
): ExitCode {
  const exitCode = exitCodeOf(summary);
  const isOrderedAgain = summary.cost.no + summary.cost.possible + summary.cost.yes > 0;
  if (order.ranBefore && summary.adopted === 0 && isOrderedAgain) {
    say(
      `note: "${safe(order.batchId)}" ran before, but no result of it was found in this output directory; everything was ordered again`,
    );
  }
  const unsigned = summary.manifest?.unsigned;
  if (unsigned !== undefined) warn(`the records are not signed: ${unsigned}`);
  if (flags.json) {
    const results = rows === null ? {} : { results: rows };
    printJson({
      schema_version: SCHEMA_VERSION,
      ...summary,
      ...results,
      exit_code: exitCode,
      reason: reasonOf(summary, exitCode),
    });
  } else printResult(summary, rows ?? [], session, order);
  return exitCode;
}

function printResult(summary: BatchSummary, rows: readonly TaskRow[], session: Session, order: Order): void {
  const { batchId, view } = order;
  const outcome = { summary, rows, elapsedMs: view?.elapsedMs ?? null, webUi: webUiLink(session, batchId) };
  printLines(batchEndLines(outcome, lookOf(process.stdout)));
  note(batchNextText(summary, onlyMissing(summary, batchId)));
}

export function exitCodeOf({ ok, failed_by }: Pick<BatchSummary, 'ok' | 'failed_by'>): ExitCode {
  if (ok) return EXIT.ok;
  const codes = new Set(Object.keys(failed_by).map(exitCodeOfCategory));
  const [only = EXIT.incomplete] = codes;
  return codes.size === 1 ? only : EXIT.incomplete;
}

/** SPEC H7: what the whole order failed by is told by its exit code. */
export function exitCodeOfCategory(category: string | null): ExitCode {
  if (category === 'auth' || category === 'quota') return EXIT.credentials;
  return category === 'config' ? EXIT.environment : EXIT.incomplete;
}

export function reasonOf({ success, total }: BatchSummary, exitCode: ExitCode): string {
  return REASONS[exitCode] ?? `${total - success} of ${total} not completed`;
}

const REASONS: Partial<Record<ExitCode, string>> = {
  [EXIT.ok]: 'all completed',
  [EXIT.credentials]: 'credentials or balance refused',
  [EXIT.environment]: 'the provider is not configured usably on the worker',
};

/** A batch closes Failed only for bad input or an unusable environment; Canceled and Terminated by a person (SPEC T1). */
export function closedBadly(error: unknown, workflowId: string): CommandProblem {
  const trouble = serverTrouble(error);
  if (trouble !== null) return trouble;
  const cause = (error as { cause?: { type?: string; message?: string; details?: unknown[] } }).cause;
  const message = cause?.message ?? (error as Error).message;
  if (cause?.type === FAILURE_TYPES.badInput) {
    return new CommandProblem(EXIT.usage, message, (cause.details?.[0] as unknown[] | undefined) ?? []);
  }
  if (cause?.type === FAILURE_TYPES.environment) return new CommandProblem(EXIT.environment, message);
  return new CommandProblem(EXIT.incomplete, `"${workflowId}" ended without a result: ${message}`);
}

/** The order goes on without us. */
export function tellLetGo(
  ending: Extract<Ending<unknown>, { kind: 'detached' | 'wait timeout' }>,
  { batchId, view }: Pick<Order, 'batchId' | 'view'>,
  { json }: Pick<WaitFlags, 'json'>,
): Promise<never> {
  const isDetached = ending.kind === 'detached';
  const exitCode = isDetached ? exitCodeOfSignal(ending.by) : EXIT.waitTimeout;
  const reason = isDetached ? `detached by ${ending.by}` : 'the wait timed out';
  say(detachedText({ id: batchId, view }));
  if (json) printJson({ ok: false, batch_id: batchId, exit_code: exitCode, reason });
  return endNow(exitCode);
}

/** Who has the input orders it again (SPEC B6: only what has no proven result is made); who has not repeats what failed. */
function onlyMissing({ failed, timeout }: BatchSummary, batchId: string): string | null {
  const argv = process.argv.slice(2);
  if (argv[0] === 'batch') {
    const command = comeBack(argv, ['--batch-id', batchId]);
    return `Only what is missing: ${command ?? `the same input with --batch-id ${quoted(batchId)}`}`;
  }
  if (failed + timeout === 0) return null;
  const command = ['imgproof', 'retry', batchId, ...sameServer(argv)];
  return `What failed, once more: ${command.map(quoted).join(' ')}`;
}
