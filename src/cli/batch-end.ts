/** How a waiting `batch` ends: what it prints and which exit code it has (SPEC C3, C4, H6). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BatchHandle, queryProgress } from '../client.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { FILES } from '../domain/layout.ts';
import type { BatchResultRecord, BatchSummary, TaskRow } from '../domain/records.ts';
import { batchEndLines, batchNextText } from './batch-screen.ts';
import { comeBack, quoted } from './come-back.ts';
import { detachedText, exitCodeOfSignal } from './detached.ts';
import { endNow } from './end-now.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import type { WaitFlags } from './flags.ts';
import { note, printJson, printLines, safe, say } from './output.ts';
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

export async function batchEnd(
  ending: Ending<BatchSummary>,
  session: Session,
  handle: BatchHandle,
  order: Order,
  flags: WaitFlags,
): Promise<ExitCode> {
  switch (ending.kind) {
    case 'result':
      return tellResult(ending.result, session, order, flags);
    case 'failed': {
      // A cancelled batch has written its record all the same.
      const summary = await recordedSummary(session, handle);
      if (summary === null) throw closedBadly(ending.error, order.batchId);
      return tellResult(summary, session, order, flags);
    }
    case 'detached':
      return tellDetached(order, `detached by ${ending.by}`, exitCodeOfSignal(ending.by), flags);
    case 'wait timeout':
      return tellDetached(order, 'the wait timed out', EXIT.waitTimeout, flags);
  }
}

async function tellResult(
  summary: BatchSummary,
  session: Session,
  order: Order,
  flags: WaitFlags,
): Promise<ExitCode> {
  const record = await readRecord(summary);
  const rows = record?.results ?? [];
  const exitCode = exitCodeOf(summary);
  const isOrderedAgain = summary.cost.no + summary.cost.possible + summary.cost.yes > 0;
  if (order.ranBefore && summary.adopted === 0 && isOrderedAgain) {
    say(
      `note: "${safe(order.batchId)}" ran before, but no result of it was found in this output directory; everything was ordered again`,
    );
  }
  if (flags.json)
    printJson({ ...(record ?? summary), exit_code: exitCode, reason: reasonOf(summary, exitCode) });
  else printResult(summary, rows, session, order);
  return exitCode;
}

function printResult(summary: BatchSummary, rows: readonly TaskRow[], session: Session, order: Order): void {
  const { batchId, view } = order;
  const outcome = { summary, rows, elapsedMs: view?.elapsedMs ?? null, webUi: webUiLink(session, batchId) };
  printLines(batchEndLines(outcome, lookOf(process.stdout)));
  note(batchNextText(summary, wayBack(batchId)));
}

/** Of a batch that was closed without a result: its last words, when they are on this disk. */
async function recordedSummary(session: Session, handle: BatchHandle): Promise<BatchSummary | null> {
  const batchDir = (await queryProgress(session.client, handle))?.batch_dir ?? null;
  if (batchDir === null) return null;
  const path = join(batchDir, FILES.batchResult);
  const record = await readJson(path);
  return record === null ? null : { ...record, batch_result_json: path };
}

/** The files are the worker's: with a worker elsewhere there is nothing to read, and the summary has to do. */
function readRecord({ batch_result_json }: BatchSummary): Promise<BatchResultRecord | null> {
  return readJson(batch_result_json);
}

async function readJson(path: string): Promise<BatchResultRecord | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as BatchResultRecord;
  } catch {
    return null;
  }
}

function exitCodeOf({ ok, failed_by }: BatchSummary): ExitCode {
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

function reasonOf({ success, total }: BatchSummary, exitCode: ExitCode): string {
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

function tellDetached(
  { batchId, view }: Order,
  reason: string,
  exitCode: ExitCode,
  flags: WaitFlags,
): Promise<never> {
  say(detachedText({ id: batchId, view, comeBack: wayBack(batchId) }));
  if (flags.json) printJson({ ok: false, batch_id: batchId, exit_code: exitCode, reason });
  return endNow(exitCode);
}

function wayBack(batchId: string): string {
  const command = comeBack(process.argv.slice(2), ['--batch-id', batchId]);
  return command ?? `the same input with --batch-id ${quoted(batchId)}`;
}
