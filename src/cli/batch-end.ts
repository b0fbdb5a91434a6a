/** How a waiting `batch` ends: what it prints and which exit code it has (SPEC C3, C4, H6). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BatchHandle, queryProgress } from '../client.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import { FILES } from '../domain/layout.ts';
import type { BatchResultRecord, BatchSummary, TaskRow } from '../domain/records.ts';
import { comeBack, stopIt } from './come-back.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import type { WaitFlags } from './flags.ts';
import { print, printJson, safe, say } from './output.ts';
import { serverTrouble } from './server-trouble.ts';
import { type Session, webUiLink } from './session.ts';
import { type Ending, snapshotOf } from './watch.ts';

interface Order {
  batchId: string;
  /** The same order ended before: then results were to be adopted. */
  ranBefore: boolean;
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
    case 'detached': {
      const exitCode = ending.by === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
      await tellDetached(session, handle, order, `detached by ${ending.by}`, exitCode, flags);
      return exitCode;
    }
    case 'wait timeout':
      await tellDetached(session, handle, order, 'the wait timed out', EXIT.waitTimeout, flags);
      return EXIT.waitTimeout;
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
  const exitCode = exitCodeOf(summary, rows);
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
  const { success, total, adopted, cost, ok } = summary;
  const requests = cost.no + cost.possible + cost.yes;
  const possible = cost.possible > 0 ? `, ${cost.possible} possibly charged beside them` : '';
  const known = adopted > 0 ? `, ${adopted} of them proven before` : '';
  print(
    `${ok ? '✓' : '✗'} ${success} of ${total} completed${known} · ${requests} requests, ${cost.yes} charged${possible}`,
  );
  for (const row of rows) {
    print(
      row.status === 'completed'
        ? `  ✓ ${safe(row.task_name)}  ${row.image_path}`
        : `  ✗ ${safe(row.task_name)}  ${row.status}: ${safe(row.error ?? '')}`,
    );
    if (row.result_json !== null) print(`      proof  ${row.result_json}`);
  }
  print(`  result  ${summary.batch_result_json}`);
  const link = webUiLink(session, order.batchId);
  if (link !== null) print(`  Web UI  ${link}`);
  say(`Next: imgproof verify ${summary.batch_dir}`);
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

function exitCodeOf(summary: BatchSummary, rows: readonly TaskRow[]): ExitCode {
  if (summary.ok) return EXIT.ok;
  const failed = rows.filter(({ status }) => status !== 'completed');
  const refused =
    failed.length > 0 && failed.every(({ category }) => category === 'auth' || category === 'quota');
  return refused ? EXIT.credentials : EXIT.incomplete;
}

function reasonOf({ success, total }: BatchSummary, exitCode: ExitCode): string {
  if (exitCode === EXIT.ok) return 'all completed';
  return exitCode === EXIT.credentials
    ? 'credentials or balance refused'
    : `${total - success} of ${total} not completed`;
}

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

async function tellDetached(
  session: Session,
  handle: BatchHandle,
  { batchId }: Order,
  reason: string,
  exitCode: ExitCode,
  flags: WaitFlags,
): Promise<void> {
  const snapshot = await snapshotOf(session.client, handle).catch(() => null);
  const counters = snapshot?.progress.counters;
  const where = counters === undefined ? '' : ` (${counters.running} running, ${counters.queued} waiting)`;
  say(`Detached. "${safe(batchId)}" keeps running on the server${where}.`);
  const again = comeBack(process.argv.slice(2), ['--batch-id', batchId]);
  say(`   Come back:  ${again === null ? `the same input with --batch-id ${safe(batchId)}` : safe(again)}`);
  say(`   Stop it:    ${safe(stopIt(process.argv.slice(2), batchId))}`);
  if (flags.json) printJson({ ok: false, batch_id: batchId, exit_code: exitCode, reason });
}
