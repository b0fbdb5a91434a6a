/** How a waiting `run` ends: what it prints and which exit code it has (SPEC C3, C4, H6). */
import { readFile } from 'node:fs/promises';
import type { ResultRecord, TaskRow } from '../domain/records.ts';
import { closedBadly, exitCodeOfCategory } from './batch-end.ts';
import { quoted } from './come-back.ts';
import { detachedText, exitCodeOfSignal } from './detached.ts';
import { endNow } from './end-now.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { WaitFlags } from './flags.ts';
import { note, printJson, printLines, safe, say } from './output.ts';
import type { View } from './progress-view.ts';
import { runEndLines } from './run-screen.ts';
import { lookOf } from './terminal.ts';
import type { Ending } from './watch.ts';

/** `view`: what was seen last. */
export async function runEnd(
  ending: Ending<TaskRow>,
  key: string,
  view: View | null,
  flags: Pick<WaitFlags, 'json'>,
): Promise<ExitCode> {
  switch (ending.kind) {
    case 'result':
      return tellRow(ending.result, view, flags);
    case 'failed': {
      const row = (ending.error as { cause?: { details?: unknown[] } }).cause?.details?.[0] as
        | TaskRow
        | undefined;
      if (row?.status === undefined) throw closedBadly(ending.error, key);
      return tellRow(row, view, flags);
    }
    case 'detached':
      return tellDetached(key, view, `detached by ${ending.by}`, exitCodeOfSignal(ending.by), flags);
    case 'wait timeout':
      return tellDetached(key, view, 'the wait timed out', EXIT.waitTimeout, flags);
  }
}

async function tellRow(row: TaskRow, view: View | null, flags: Pick<WaitFlags, 'json'>): Promise<ExitCode> {
  const exitCode = row.ok ? EXIT.ok : exitCodeOfCategory(row.category);
  if (flags.json) {
    const result = await readResult(row.result_json);
    const reason = row.ok ? 'completed' : `${row.status}: ${row.error ?? ''}`;
    printJson({ ...(result ?? row), exit_code: exitCode, reason });
    return exitCode;
  }
  printLines(runEndLines(row, view?.elapsedMs ?? null, lookOf(process.stdout)));
  if (row.ok && row.run_dir !== null) note(`  Next: imgproof verify ${safe(quoted(row.run_dir))}`);
  return exitCode;
}

async function readResult(path: string | null): Promise<ResultRecord | null> {
  if (path === null) return null;
  return readFile(path, 'utf8').then(
    (text) => JSON.parse(text) as ResultRecord,
    () => null,
  );
}

function tellDetached(
  key: string,
  view: View | null,
  reason: string,
  exitCode: ExitCode,
  flags: Pick<WaitFlags, 'json'>,
): Promise<never> {
  say(detachedText({ id: key, view }));
  if (flags.json) printJson({ ok: false, task_key: key, exit_code: exitCode, reason });
  return endNow(exitCode);
}
