/** One task, for people: where it stands, each request with its money, its files, what it said last. Pure. */
import type { AttemptRecord, BillingTally } from '../domain/records.ts';
import { hasEnded, type TaskStatus } from '../domain/status.ts';
import type { Mode } from '../domain/task.ts';
import { flow, wrap } from './layout.ts';
import { type Line, plain, styled } from './paint.ts';
import { safe } from './output.ts';
import { type Look, symbolsOf } from './terminal.ts';
import {
  counted,
  durationText,
  modeNames,
  sentCount,
  sizeText,
  statusText,
  taskChargedText,
} from './words.ts';

/** What `get --json` prints; null where it is not known, or not yet. */
export interface TaskDetail {
  task_key: string;
  task_name: string;
  /** Null for a task that was started alone. */
  batch_id: string | null;
  status: TaskStatus;
  acceptable: boolean | null;
  mode: Mode;
  references: number;
  provider: string | null;
  model: string | null;
  prompt: string | null;
  started_at: string | null;
  ended_at: string | null;
  waiting_for: string | null;
  image_path: string | null;
  bytes: number | null;
  sha256: string | null;
  billing: BillingTally;
  error: string | null;
  /** Oldest first; empty with a worker elsewhere. */
  attempts: AttemptRecord[];
  stdout_tail: string;
  stderr_tail: string;
  result_path: string | null;
  artifacts: {
    task_dir: string | null;
    run_dir: string | null;
    output: string | null;
    result_json: string | null;
    state: string | null;
    stdout: string | null;
    stderr: string | null;
  };
}

export function detailLines(detail: TaskDetail, look: Look): Line[] {
  return [
    ...headLines(detail, look),
    ...reasonLines(detail, look),
    ...detail.attempts.flatMap((attempt) => attemptLines(attempt, detail.status, look)),
    ...field('image ', detail.image_path),
    ...field('proof ', detail.result_path),
    ...field('sha256', detail.sha256),
    ...field('files ', detail.artifacts.task_dir),
    ...tailLines(detail, look),
  ];
}

function headLines(detail: TaskDetail, look: Look): Line[] {
  const symbols = symbolsOf(look);
  const { status, batch_id, task_key, task_name, mode, references, started_at, ended_at } = detail;
  const facts = [
    ...(batch_id === null ? [] : [`batch ${safe(batch_id)}`]),
    ...(task_key === task_name ? [] : [`key ${safe(task_key)}`]),
    modeNames(mode, look.unicode) + (references > 0 ? `, ${counted(references, 'reference')}` : ''),
    ...(detail.provider === null ? [] : [`${safe(detail.provider)}/${safe(detail.model ?? '')}`]),
    ...(started_at === null ? [] : [`started ${timeText(started_at)}`]),
    ...(ended_at === null ? [] : [`ended ${timeText(ended_at)}`]),
    ...(detail.bytes === null ? [] : [sizeText(detail.bytes)]),
    moneyText(detail),
  ];
  const groups: Line[] = [
    [styled('bold', safe(task_name)), plain('  '), statusPiece(status)],
    ...facts.map((fact): Line => [plain(fact)]),
  ];
  return flow(groups, look.columns, ` ${symbols.dot} `).map((line, i) =>
    i === 0 ? line : [plain('  '), ...line],
  );
}

/** A request that was sent and has not ended is in no count yet, and is not nothing. */
function moneyText({ billing, attempts, status }: TaskDetail): string {
  if (!attempts.some((attempt) => isUnderWay(attempt, status))) return taskChargedText(billing);
  return sentCount(billing) === 0
    ? 'a request has no end yet'
    : `${taskChargedText(billing)}, another request has no end yet`;
}

/** One that was cut off has no time of its end either, but its record says what followed; and what ended has nothing open. */
function isUnderWay({ ended_at, next_attempt_at }: AttemptRecord, status: TaskStatus): boolean {
  return ended_at === null && next_attempt_at === null && !hasEnded(status);
}

function statusPiece(status: TaskStatus) {
  const text = statusText(status);
  if (status === 'completed') return styled('green', text);
  return status === 'queued' || status === 'running' ? styled('cyan', text) : styled('red', text);
}

/** UTC, as all times of the files are. */
function timeText(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')}Z`;
}

function reasonLines({ error, waiting_for, acceptable }: TaskDetail, { columns }: Look): Line[] {
  const text = error ?? waiting_for;
  return [
    ...(text === null ? [] : wrap(safe(text), columns - 2)).map((line): Line => [plain(`  ${line}`)]),
    ...(acceptable === false && error === null
      ? [[styled('yellow', '  ! not acceptable as proof; verify says why')]]
      : []),
  ];
}

function attemptLines(attempt: AttemptRecord, status: TaskStatus, look: Look): Line[] {
  const symbols = symbolsOf(look);
  const { attempt: number, started_at, elapsed_ms, http_status, request_id, billing, error } = attempt;
  const hasNoEnd = isUnderWay(attempt, status);
  const facts = [
    timeText(started_at).slice(11),
    ...(elapsed_ms === null ? [] : [durationText(elapsed_ms)]),
    ...(http_status === null ? [] : [`HTTP ${http_status}`]),
    ...(request_id === null ? [] : [`request id ${safe(request_id)}`]),
    hasNoEnd ? 'no end of it is recorded' : BILLED[billing],
  ];
  const mark = attempt.ok
    ? styled('green', `  ${symbols.done} `)
    : hasNoEnd
      ? styled('cyan', `  ${symbols.running} `)
      : styled('red', `  ${symbols.failed} `);
  const groups = facts.map((fact): Line => [plain(fact)]);
  const lines = flow([[mark, plain(`attempt ${number}`)], ...groups], look.columns - 2, '  ');
  return [
    ...lines.map((line, i): Line => (i === 0 ? line : [plain('      '), ...line])),
    ...(error === null ? [] : wrap(safe(error), look.columns - 6)).map((text): Line => [
      plain(`      ${text}`),
    ]),
  ];
}

const BILLED = { no: 'not charged', possible: 'possibly charged', yes: 'charged' };

function tailLines({ stderr_tail }: TaskDetail, { unicode }: Look): Line[] {
  const lines = stderr_tail.split('\n').filter((line) => line !== '');
  return lines.map((line): Line => [styled('dim', `  stderr ${unicode ? '▏' : '|'} `), plain(safe(line))]);
}

function field(label: string, value: string | null): Line[] {
  return value === null ? [] : [[styled('dim', `  ${label}  `), plain(safe(value))]];
}
