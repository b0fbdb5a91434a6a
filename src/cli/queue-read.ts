/** `imgproof queue status | list | get | history`: the files of a state directory, without any server (SPEC F11). */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { tailText } from '../artifacts/file-tail.ts';
import { linesIn } from '../artifacts/json-lines.ts';
import { readQueueState } from '../artifacts/queue-folder.ts';
import { FILES } from '../domain/layout.ts';
import { queueCounters, type QueueRow, type QueueState } from '../domain/queue.ts';
import { findQueueRow } from './queue-rows.ts';
import { CommandProblem, EXIT, type ExitCode } from './exit-codes.ts';
import { note, printJson } from './output.ts';
import { settingsOf } from './session.ts';

export interface QueueReadFlags {
  stateDir?: string;
  status?: string;
  limit?: number;
  tailBytes?: number;
}

export async function queueStatus(flags: QueueReadFlags): Promise<ExitCode> {
  const stateDir = stateDirOf(flags);
  const state = await stateIn(stateDir);
  const { counters = queueCounters([]), running = {}, workers = {}, queued = [] } = state ?? {};
  const { completed, failed, timed_out, rejected, discarded, skipped, cancelled } = counters;
  printJson({
    state_dir: stateDir,
    queue_id: state?.queue_id ?? null,
    status: state?.status ?? null,
    max_workers: state?.max_workers ?? null,
    running_count: Object.keys(running).length,
    queued_count: queued.length,
    completed,
    failed,
    timed_out,
    rejected,
    discarded,
    skipped,
    cancelled,
    running,
    workers,
    started_at: state?.started_at ?? null,
    updated_at: state?.updated_at ?? null,
  });
  return EXIT.ok;
}

export async function queueList(flags: QueueReadFlags): Promise<ExitCode> {
  const stateDir = stateDirOf(flags);
  const wanted = statusIn(flags);
  const rows = rowsOf(await stateIn(stateDir));
  const tasks = wanted === null ? rows : rows.filter(({ status }) => status === wanted);
  printJson({ state_dir: stateDir, count: tasks.length, tasks });
  return EXIT.ok;
}

/** Of the last run, else of an earlier one. */
export async function queueGet(named: string, flags: QueueReadFlags): Promise<ExitCode> {
  const stateDir = stateDirOf(flags);
  const bytes = countIn('--tail-bytes', flags.tailBytes, TAIL_BYTES);
  const row =
    findQueueRow(rowsOf(await stateIn(stateDir)), named) ??
    findQueueRow((await endedIn(stateDir)).toReversed(), named);
  if (row === null) {
    printJson({ ok: false, error: 'task not found', task: named, state_dir: stateDir });
    return EXIT.incomplete;
  }
  const { task_dir, stdout, stderr, result_json, output, run_dir } = row;
  const tail = (path: string | null) => (path === null || bytes === 0 ? '' : tailText(path, bytes));
  printJson({
    ok: true,
    ...row,
    stdout_tail: await tail(stdout),
    stderr_tail: await tail(stderr),
    result_path: result_json,
    artifacts: { task_dir, stdout, stderr, result_json, output, run_dir },
  });
  return EXIT.ok;
}

/** Oldest first. */
export async function queueHistory(flags: QueueReadFlags): Promise<ExitCode> {
  const stateDir = stateDirOf(flags);
  const limit = countIn('--limit', flags.limit, HISTORY_ROWS);
  const ended = await endedIn(stateDir);
  const history = ended.slice(Math.max(0, ended.length - limit));
  printJson({ state_dir: stateDir, count: history.length, history });
  return EXIT.ok;
}

const TAIL_BYTES = 4_000;
const HISTORY_ROWS = 200;

export function stateDirOf({ stateDir }: Pick<QueueReadFlags, 'stateDir'>): string {
  return resolve(stateDir ?? settingsOf().defaults.queueDir);
}

/** Null, with a note, when no queue ever ran there. @throws CommandProblem when its file can't be read */
export async function stateIn(stateDir: string): Promise<QueueState | null> {
  const state = await readQueueState(stateDir);
  const path = join(stateDir, FILES.queueState);
  if (state === null && existsSync(path))
    throw new CommandProblem(EXIT.environment, `${path} can't be read: is it JSON, and yours?`);
  if (state === null) note(`no queue has run in ${stateDir}`);
  return state;
}

function rowsOf(state: QueueState | null): QueueRow[] {
  return Object.values(state?.tasks ?? {});
}

async function endedIn(stateDir: string): Promise<QueueRow[]> {
  const text = await readFile(join(stateDir, FILES.queueTasks), 'utf8').catch(() => '');
  return linesIn<QueueRow>(text);
}

function statusIn({ status }: QueueReadFlags): string | null {
  if (status === undefined) return null;
  const known = Object.keys(queueCounters([]));
  if (known.includes(status)) return status;
  throw new CommandProblem(
    EXIT.usage,
    `--status ${status}: there is no such status; one of ${known.join(', ')}`,
  );
}

function countIn(flag: string, value: number | undefined, byDefault: number): number {
  if (value === undefined) return byDefault;
  if (Number.isInteger(value) && value >= 0) return value;
  throw new CommandProblem(EXIT.usage, `${flag} ${value} is not a whole number from 0 on`);
}
