/** Progress for a log: a line with its time for each change, and every 15 s what runs (`reference/ux.md` 5.5). */
import { News } from './progress-news.ts';
import type { Activity, TaskView, View } from './progress-view.ts';
import type { Look } from './terminal.ts';
import { modeText, taskChargedText } from './words.ts';

/** How often what runs is told again, in milliseconds. */
const REPEAT_MS = 15_000;

export class PlainLines {
  readonly #news = new News({ firstRequest: false });
  readonly #unicode: boolean;
  #toldAtMs: number | null = null;
  #isPaused = false;

  constructor({ unicode }: Pick<Look, 'unicode'>) {
    this.#unicode = unicode;
  }

  /** The lines that are due. */
  of(view: View): string[] {
    const time = `${new Date(view.nowMs).toISOString().slice(0, 19)}Z`;
    const changes = this.#news
      .of(view)
      .map((task) => `${view.done}/${view.total} ${changeText(task, this.#unicode)}`);
    return [...changes, ...this.#pause(view), ...this.#due(view)].map((line) => `${time} ${line}`);
  }

  #pause({ paused, done, total }: View): string[] {
    const isNews = (paused !== null) !== this.#isPaused;
    this.#isPaused = paused !== null;
    if (!isNews) return [];
    const reason = paused?.reason ? `: ${paused.reason}` : '';
    return [`${done}/${total} ${paused === null ? 'goes on' : `paused${reason}`}`];
  }

  /** The first picture is told when somebody else's work is in it: of another command, or proven results. */
  #due(view: View): string[] {
    if (view.phase === 'admitting') return [];
    const isFirst = this.#toldAtMs === null;
    if (this.#toldAtMs !== null && view.nowMs - this.#toldAtMs < REPEAT_MS) return [];
    this.#toldAtMs = view.nowMs;
    if (isFirst && view.done === 0 && !view.isAttached) return [];
    const running = view.tasks.filter(({ activity }) => activity !== null);
    return [countsText(view), ...running.map((task) => `  ${runningText(task, this.#unicode)}`)];
  }
}

function changeText(task: TaskView, unicode: boolean): string {
  const { name, status, elapsedMs, bytes, error, billing, activity } = task;
  const isJustThere = activity?.kind === 'beside' || activity?.kind === 'begun';
  if (isJustThere) return `running ${name} ${modeText(task.mode, task.references, unicode)}`;
  if (activity !== null) return runningText(task, unicode);
  const took = elapsedMs === null ? '' : ` ${seconds(elapsedMs)}s`;
  const size = bytes === null ? '' : ` ${bytes}B`;
  const reason = error === null ? '' : `: ${error}`;
  return `${status} ${name}${took}${size} ${taskChargedText(billing)}${reason}`;
}

function runningText(task: TaskView, unicode: boolean): string {
  const { name, mode, references, activity } = task;
  const doing = activity?.kind === 'wait' ? 'waiting' : 'running';
  return `${doing} ${name} ${modeText(mode, references, unicode)} ${activityText(activity)}`;
}

function activityText(activity: Activity | null): string {
  switch (activity?.kind) {
    case 'request': {
      const { elapsedMs, limitMs, attempt, what } = activity;
      const note = { waiting: '', joined: ', joined the running call', saving: ', saving the image' }[what];
      return `${seconds(elapsedMs)}s of ${seconds(limitMs)}s attempt ${attempt}${note}`;
    }
    case 'wait': {
      const next = activity.attempt === null ? 'the next attempt' : `attempt ${activity.attempt}`;
      return `${seconds(activity.leftMs)}s before ${next}: ${activity.reason}`;
    }
    case 'slot':
      return 'waits for a free slot';
    case 'begun':
      return 'starting';
    case 'beside':
    case undefined:
      return 'starting or recording';
  }
}

/** `23/48 running=4 waiting=21 failed=1 elapsed=668s eta=540-840s charged=22`: names for `grep`, zeros left out. */
function countsText(view: View): string {
  const { counters, adopted, elapsedMs, left, billing } = view;
  const { running, queued, completed, ...ends } = counters;
  const counts = { running, waiting: queued, completed, ...ends, proven_before: adopted };
  const cost = {
    charged: billing.yes,
    possibly_charged: billing.possible,
    spent_micros: billing.spent_micros ?? 0,
    possibly_spent_micros: billing.possibly_spent_micros ?? 0,
  };
  return [
    `${view.done}/${view.total}`,
    ...nonZero(counts),
    `elapsed=${seconds(elapsedMs)}s`,
    ...(left === null ? [] : [`eta=${Math.floor(left.fromMs / 1000)}-${Math.ceil(left.toMs / 1000)}s`]),
    ...nonZero(cost),
    ...(cost.spent_micros + cost.possibly_spent_micros > 0 ? [`currency=${billing.currency}`] : []),
  ].join(' ');
}

function nonZero(counts: Record<string, number>): string[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name}=${count}`);
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
