/** The picture of an order in progress, as lines that are never wider than the terminal (`reference/ux.md` 5.5). Pure. */
import { barOf } from './bar.ts';
import { activityText, endedLine, runningLine } from './frame-rows.ts';
import { fit, flow, widest } from './layout.ts';
import { type Line, paint, plain, styled } from './paint.ts';
import type { TaskView, View } from './progress-view.ts';
import { type Look, type Symbols, symbolsOf } from './terminal.ts';
import { chargedText, counted, durationText, modeText, timeLeftText } from './words.ts';

/** Rows of what ended last. */
const RECENT = 5;
/** The other lines of a picture: title, bar, facts, money, pause, news, hint, and the line of the cursor. */
const OTHER_LINES = 8;
/** News older than this are said to be old. */
const STALE_MS = 10_000;

const HINT = { batch: 'Ctrl-C detaches, the batch goes on', task: 'Ctrl-C detaches, the work goes on' };

/** `isLast`: the picture that stays when the command has stopped drawing; nothing of it may speak of now. */
export function frame(view: View, look: Look, isLast = false): string[] {
  const symbols = symbolsOf(look);
  const lines =
    view.kind === 'task' ? taskLines(view, look, symbols, isLast) : batchLines(view, look, symbols, isLast);
  return lines.map((line) => paint(fit(line, look.columns, symbols.more), look.colour));
}

/** On a wide terminal what belongs together shares a line; on a narrow one nothing jumps when a number grows. */
const WIDE = 110;

function batchLines(view: View, look: Look, symbols: Symbols, isLast: boolean): Line[] {
  const hint = isLast ? [] : [[styled('dim', HINT.batch)]];
  const isWide = look.columns >= WIDE;
  const [title, bar, facts] = [titleOf(view, symbols), countsOf(view, look, symbols), factsOf(view, symbols)];
  const charged: Line = [plain(chargedText(view.billing))];
  // With money in it, it is too long for a line that it shares: what may have been paid is never cut off.
  const isLong = view.billing.currency !== undefined;
  const told = isLong ? [facts, charged] : [[...facts, plain('   '), ...charged]];
  return [
    ...(isWide ? flow([title, ...hint], look.columns, '   ') : [title]),
    ...(isWide ? flow([bar, ...told], look.columns, '   ') : [bar, ...told]),
    ...taskRows(view, look, symbols),
    ...pausedOf(view),
    ...newsOf(view, isLast),
    ...(isWide ? [] : hint.map((line) => [plain(' '), ...line])),
  ];
}

function titleOf(view: View, { dot }: Symbols): Line {
  const facts = [
    counted(view.total, 'task'),
    ...(view.maxWorkers > 0 ? [`${view.maxWorkers} at a time`] : []),
    ...(view.models === '' ? [] : [view.models]),
  ].join(` ${dot} `);
  return [plain(view.isAttached ? 'attached to ' : ''), styled('bold', view.id), styled('dim', `  ${facts}`)];
}

function countsOf(view: View, look: Look, symbols: Symbols): Line {
  const { done, total, completed, notCompleted, running, queued } = view;
  return [
    ...barOf(view, look, symbols),
    plain(`  ${done}/${total}   `),
    styled('green', `${symbols.done} ${completed}`),
    styled(notCompleted > 0 ? 'red' : 'dim', `  ${symbols.failed} ${notCompleted}`),
    styled('cyan', `  ${symbols.running} ${running}`),
    styled('dim', `  ${symbols.queued} ${queued}`),
  ];
}

function factsOf({ elapsedMs, left, adopted }: View, { to }: Symbols): Line {
  const facts = [
    durationText(elapsedMs),
    ...(left === null ? [] : [`ETA ${timeLeftText(left, to)}`]),
    ...(adopted === 0 ? [] : [`${adopted} proven before`]),
  ];
  return [plain(facts.join('   '))];
}

function taskRows(view: View, look: Look, symbols: Symbols): Line[] {
  const room = Math.max(2, look.rows - OTHER_LINES);
  const running = view.tasks.filter(({ status }) => status === 'running');
  const shown = running.slice(0, running.length > room ? room - 1 : room);
  const recent = recentlyEnded(view).slice(0, room - shown.length);
  const names = [...shown, ...recent].map(({ name }) => name);
  const modes = shown.map(({ mode, references }) => modeText(mode, references, look.unicode));
  const widths = {
    name: widest(names, Math.min(36, Math.max(8, Math.floor(look.columns * 0.3)))),
    mode: widest(modes, 16),
    time: widest(
      shown.map((task) => activityText(task).time ?? ''),
      18,
    ),
  };
  const hidden = running.length - shown.length;
  return [
    ...shown.map((task) => runningLine(task, widths, look, symbols)),
    ...(hidden > 0 ? [[styled('dim', ` ${symbols.running} and ${hidden} more`)]] : []),
    ...recent.map((task) => endedLine(task, widths, symbols)),
  ];
}

/** Newest first. What admission decided ended before everything else. */
function recentlyEnded({ tasks }: View): TaskView[] {
  return tasks
    .filter(({ status, adopted }) => status !== 'queued' && status !== 'running' && !adopted)
    .sort((a, b) => b.endedAtMs - a.endedAtMs || b.index - a.index)
    .slice(0, RECENT);
}

/** Since when nothing is started, and why. */
function pausedOf({ paused, nowMs }: View): Line[] {
  if (paused === null) return [];
  const { since, reason } = paused;
  const time = `${since.slice(11, 16)} UTC, ${durationText(nowMs - Date.parse(since))}`;
  return [[styled('yellow', ` ! paused since ${time}${reason === null ? '' : `: ${reason}`}`)]];
}

function newsOf({ phase, staleMs }: View, isLast: boolean): Line[] {
  if (isLast) return [];
  if (staleMs > STALE_MS)
    return [[styled('yellow', ` ! no news from the server for ${durationText(staleMs)}`)]];
  if (phase === 'admitting') return [[styled('dim', ' checking the order')]];
  return phase === 'recording' ? [[styled('dim', ' writing the record of the batch')]] : [];
}

/** A lone task is one line, and how to leave it. */
function taskLines(view: View, { columns }: Look, symbols: Symbols, isLast: boolean): Line[] {
  const [task] = view.tasks;
  if (task === undefined) return [];
  const spins = symbols.spinner[Math.floor(view.nowMs / 250) % symbols.spinner.length] ?? '';
  const { time, attempt, note, style } = activityText(task);
  const doing = note === '' ? 'waiting for the image' : note;
  const facts = [time, attempt].flatMap((fact) => fact ?? []);
  const line: Line = [
    styled('cyan', `${isLast ? symbols.running : spins} `),
    style === undefined ? plain(doing) : styled(style, doing),
    ...facts.map((fact) => plain(`   ${fact}`)),
  ];
  const hint: Line = isLast ? [] : [styled('dim', HINT.task)];
  return [...flow([line, hint], columns, '   '), ...newsOf(view, isLast)];
}
