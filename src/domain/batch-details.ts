/** A batch as its page in Temporal's Web UI tells it while it lives (SPEC T2): counts, what stands still and why, its tasks. */
import { moneyFacts, moneyText } from './cost.ts';
import type { BatchProgress, PausedBy, TaskState } from './messages.ts';
import { sumBilling } from './records.ts';
import type { TaskStatus } from './status.ts';
import { hasEnded, TASK_STATUSES } from './status.ts';
import { MODE_NAMES } from './task.ts';
import { cutToBytes, plain, workflowLink } from './ui-text.ts';

/** Rows of the table: what runs, what ended last, what comes next. */
const ROWS = { all: 20, ended: 10 } as const;
/** Of an error in a row, in bytes. */
const ERROR_BYTES = 120;

export interface TaskLine extends TaskState {
  prompt_start: string;
}

/** Markdown, line by line. */
export function batchDetails(progress: BatchProgress, tasks: readonly TaskLine[]): string[] {
  if (progress.phase === 'admitting')
    return ['**Admitting**: every task is checked before anything is sent.'];
  const rows = rowsOf(tasks);
  const left = tasks.length - rows.length;
  return [
    headline(progress, tasks),
    '',
    ...standstill(progress),
    `| # | ${PAD}Task${PAD} | Status (UTC)${PAD} | |`,
    '|--:|:--|:--|:--|',
    ...rows.map(tableRow),
    ...(left > 0 ? ['', `${left} more tasks are not shown; the query \`tasks\` lists all of them.`] : []),
    '',
    `Attempt, wait and next try of a running task: its page, **Pending Activities**.`,
    '',
    `Folder: \`${(progress.batch_dir ?? '').replaceAll('`', '')}\``,
    ...progress.warnings.map((warning) => `\n⚠ ${plain(warning)}`),
  ];
}

const PHASES = {
  admitting: 'Admitting',
  running: 'Running',
  recording: 'Recording',
  done: 'Done',
} as const satisfies Record<BatchProgress['phase'], string>;

function headline(
  { phase, paused, counters, adopted, max_workers, max_cost }: BatchProgress,
  tasks: readonly TaskLine[],
): string {
  const title = paused !== null && phase === 'running' ? 'Paused' : PHASES[phase];
  const counts = TASK_STATUSES.filter((status) => counters[status] > 0).map(
    (status) => `${counters[status]} ${STATUS_LOOKS[status].word}`,
  );
  const facts = [
    `${tasks.length} tasks`,
    ...counts,
    ...(adopted > 0 ? [`${adopted} of them adopted`] : []),
    ...moneyFacts(sumBilling(tasks.map(({ billing }) => billing))),
    ...(max_cost === undefined ? [] : [`at most ${moneyText(max_cost.micros, max_cost.currency)}`]),
  ];
  return `**${title}** · ${facts.join(' · ')} · ${max_workers} at a time`;
}

function standstill({ paused }: BatchProgress): string[] {
  if (paused === null) return [];
  const why = plain(paused.reason ?? 'by a person').replace(/\.$/u, '');
  const since = `since ${clock(paused.since)}`;
  return [`> **Paused** ${since}: ${why}. ${GOING_ON[paused.by]}`, ''];
}

const GOING_ON = {
  person: 'Running tasks go on to their end; the update `resume` starts the others.',
  provider_down: 'Nothing further is sent. When it is mended, the update `resume` starts what is queued.',
  cost_cap:
    'Running tasks go on to their end; the update `resume` with a higher `max_cost` starts the others.',
} as const satisfies Record<PausedBy, string>;

/** What runs first, then what ended last, then what comes next. */
function rowsOf(tasks: readonly TaskLine[]): TaskLine[] {
  const running = tasks.filter(({ status }) => status === 'running');
  const queued = tasks.filter(({ status }) => status === 'queued');
  const ended = tasks.filter(({ status }) => hasEnded(status)).sort(laterFirst);
  const free = ROWS.all - running.length;
  const endedRows = Math.max(ROWS.ended, free - queued.length);
  return [...running, ...ended.slice(0, endedRows), ...queued].slice(0, ROWS.all);
}

/** Tasks that ended at admission come last. */
function laterFirst(a: TaskState, b: TaskState): number {
  return (b.ended_at ?? '').localeCompare(a.ended_at ?? '') || a.index - b.index;
}

function tableRow(task: TaskLine): string {
  const { index, task_key, task_name, status } = task;
  const { mark, word } = STATUS_LOOKS[status];
  // A task that never had a workflow has no page.
  const name = task.started_at === null ? plain(task_name) : workflowLink(task_name, task_key);
  const where = `${mark} ${word}${timeOf(task)}`.replaceAll(' ', UNBROKEN);
  return `| ${index} | ${PAD}${name}${PAD} | ${where}${PAD} | ${noteOf(task)} |`;
}

/** The Web UI's tables have no space between columns, and break lines early. */
const UNBROKEN = '\u00A0';
const PAD = UNBROKEN.repeat(3);

function timeOf({ started_at, ended_at }: TaskState): string {
  if (started_at === null) return '';
  if (ended_at === null) return ` since ${clock(started_at)}`;
  return `, ${((Date.parse(ended_at) - Date.parse(started_at)) / 1000).toFixed(0)} s`;
}

function noteOf(task: TaskLine): string {
  if (task.error !== null) return plain(cutToBytes(task.error.replace(ADDRESS, ''), ERROR_BYTES));
  if (task.adopted) return 'adopted: it was proven before';
  if (task.status === 'running' && task.cancelling !== null) return STOPPING[task.cancelling];
  const prompt = `“${plain(task.prompt_start)}”`;
  return task.mode === 'edit' ? `${MODE_NAMES.edit} ${prompt}` : prompt;
}

/** Of the provider, at the head of a message: one long word, wider than the page. */
const ADDRESS = /^[A-Z]+ https?:\/\/\S+: /u;

const STOPPING = {
  finish: 'stopping: a request that was sent may still bring its image',
  now: 'stopping now: a request that was sent may be billed',
} as const;

const STATUS_LOOKS: Record<TaskStatus, { mark: string; word: string }> = {
  queued: { mark: '·', word: 'queued' },
  running: { mark: '▶', word: 'running' },
  completed: { mark: '✓', word: 'completed' },
  failed: { mark: '✗', word: 'failed' },
  timed_out: { mark: '✗', word: 'timed out' },
  rejected: { mark: '–', word: 'rejected' },
  discarded: { mark: '–', word: 'discarded' },
  skipped: { mark: '–', word: 'skipped' },
  orphan_late_output: { mark: '✗', word: 'orphan late output' },
  cancelled: { mark: '–', word: 'cancelled' },
};

/** `14:02:31` of an ISO time. */
function clock(iso: string): string {
  return iso.slice(11, 19);
}
