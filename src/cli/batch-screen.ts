/** The end of a batch, for people: what came of it, what it cost, where it is, what to do next. Pure. */
import type { BatchSummary } from '../domain/batch-records.ts';
import type { TaskRow } from '../domain/records.ts';
import { quoted } from './come-back.ts';
import { flow, padEnd, widest, wrap } from './layout.ts';
import { type Line, plain, styled } from './paint.ts';
import { safe } from './output.ts';
import { type Look, type Symbols, symbolsOf } from './terminal.ts';
import {
  chargedText,
  counted,
  durationText,
  reasonOf,
  requestsText,
  statusText,
  taskChargedText,
} from './words.ts';

export interface BatchOutcome {
  summary: BatchSummary;
  /** Empty when the worker's files are not on this machine. */
  rows: readonly TaskRow[];
  /** Since the order began; null when nobody watched. */
  elapsedMs: number | null;
  webUi: string | null;
}

/** A terminal shows no more images than this one by one. */
const LISTED = 20;
/** Longer names push their path aside instead of all paths. */
const NAME_COLUMNS = 24;

/** A pipe gets every path; a terminal gets what a person reads. */
export function batchEndLines({ summary, rows, elapsedMs, webUi }: BatchOutcome, look: Look): Line[] {
  const symbols = symbolsOf(look);
  const isTerminal = look.columns < Infinity;
  const completed = rows.filter(({ status }) => status === 'completed');
  const others = rows.filter(({ status }) => status !== 'completed');
  const isLong = isTerminal && completed.length > LISTED;
  const nameWidth = widest(
    completed.map(({ task_name }) => safe(task_name)),
    NAME_COLUMNS,
  );
  return [
    ...headLines(summary, elapsedMs, look, symbols),
    ...(isLong
      ? [[styled('green', `  ${symbols.done}`), plain(` ${completed.length} images, listed in the result`)]]
      : completed.flatMap((row) => imageLines(row, nameWidth, look, symbols))),
    ...others.flatMap((row) => failureLines(row, look, symbols)),
    ...doubtLines(rows, summary, look),
    ...(isTerminal ? [[plain(`  proofs  ${safe(summary.batch_dir)}/*/result.json`)]] : []),
    [plain(`  result  ${safe(summary.batch_result_json)}`)],
    ...(webUi === null ? [] : [[plain(`  Web UI  ${webUi}`)]]),
  ];
}

/** What to do next; `again`: how to get what is missing, null when there is no such way. */
export function batchNextText({ ok, batch_dir }: BatchSummary, again: string | null): string {
  const place = safe(quoted(batch_dir));
  const look = `  Next: imgproof verify ${place}\n        imgproof report ${place}`;
  return ok || again === null ? look : `${look}\n  ${safe(again)}`;
}

function headLines(
  summary: BatchSummary,
  elapsedMs: number | null,
  { columns }: Look,
  symbols: Symbols,
): Line[] {
  const { ok, adopted, cost } = summary;
  const requests = cost.no + cost.possible + cost.yes;
  const facts = [
    outcomeText(summary),
    ...(adopted > 0 ? [`${adopted} of them proven before`] : []),
    ...(elapsedMs === null ? [] : [durationText(elapsedMs)]),
    requests === 0 ? 'no request' : `${requestsText(cost)}, ${chargedText(cost)}`,
  ];
  const mark = ok ? styled('green', symbols.done) : styled('red', symbols.failed);
  const groups = facts.map((fact, i): Line => (i === 0 ? [mark, styled('bold', ` ${fact}`)] : [plain(fact)]));
  return flow(groups, columns, ` ${symbols.dot} `).map((line, i) =>
    i === 0 ? line : [plain('  '), ...line],
  );
}

/** `46 completed, 1 failed, 1 timed out of 48`. */
function outcomeText({
  success,
  failed,
  timeout,
  cancelled,
  rejected,
  skipped,
  total,
}: BatchSummary): string {
  const counts = {
    completed: success,
    failed,
    'timed out': timeout,
    cancelled,
    rejected,
    skipped,
  };
  const told = Object.entries(counts).filter(([name, count]) => count > 0 || name === 'completed');
  return `${told.map(([name, count]) => `${count} ${name}`).join(', ')} of ${total}`;
}

function imageLines(row: TaskRow, nameWidth: number, { columns }: Look, symbols: Symbols): Line[] {
  const { task_name, image_path, result_json } = row;
  const head: Line = [styled('green', `  ${symbols.done} `), plain(padEnd(safe(task_name), nameWidth))];
  const image: Line = [plain(safe(image_path ?? ''))];
  const isPipe = columns === Infinity;
  return [
    ...flow([head, image], columns, '  ').map((line, i) => (i === 0 ? line : [plain(HANGING), ...line])),
    ...(isPipe && result_json !== null ? [[plain(`${HANGING}proof  ${safe(result_json)}`)]] : []),
  ];
}

function failureLines(row: TaskRow, { columns }: Look, symbols: Symbols): Line[] {
  const { task_name, status, error, category, result_json, billing } = row;
  const cost = `${safe(task_name)}  ${statusText(status)}, ${taskChargedText(billing)}`;
  const told = [
    ...wrap(safe(error ?? ''), columns - HANGING.length).map((text) => plain(text)),
    ...wrap(reasonOf(category) ?? '', columns - HANGING.length).map((text) => styled('dim', text)),
    ...(result_json === null ? [] : [styled('dim', `record  ${safe(result_json)}`)]),
  ];
  return [
    [styled('red', `  ${symbols.failed} `), plain(cost)],
    ...told.filter(({ text }) => text !== '').map((piece): Line => [plain(HANGING), piece]),
  ];
}

const HANGING = '      ';

/** What may have been paid for nothing, and what was delivered and is no proof. */
function doubtLines(rows: readonly TaskRow[], { cost }: BatchSummary, { columns }: Look): Line[] {
  const doubtful = rows.filter(({ ok, acceptable }) => ok && !acceptable).length;
  const doubts = [
    ...(cost.possible === 0
      ? []
      : [
          `${counted(cost.possible, 'request')} may have been charged without an image: look into the call log of the provider before you order again`,
        ]),
    ...(doubtful === 0 ? [] : [`${counted(doubtful, 'image')} not acceptable as proof: verify says why`]),
  ];
  return doubts.flatMap((doubt) =>
    wrap(doubt, columns - 4).map((text, i): Line => [styled('yellow', `  ${i === 0 ? '!' : ' '} ${text}`)]),
  );
}
