/** One task on one line: what it does, or how it ended. Pure. */
import { cut, type Line, padEnd, type Piece, plain, styled } from './layout.ts';
import type { Activity, TaskView } from './progress-view.ts';
import type { Look, Symbols } from './terminal.ts';
import { durationText, modeText, sizeText, statusText, taskChargedText } from './words.ts';

export interface RowWidths {
  name: number;
  mode: number;
}

export interface ActivityText {
  /** Empty: it waits for the image, as it should. */
  text: string;
  style?: 'dim' | 'yellow';
  /** Times and numbers, each the same width in every row as far as possible. */
  facts: string[];
}

export function runningLine(task: TaskView, widths: RowWidths, look: Look, symbols: Symbols): Line {
  const { name, mode, references } = task;
  const { text, style, facts } = activityText(task);
  const note = style === undefined ? plain(text) : styled(style, text);
  return [
    styled('cyan', ` ${symbols.running} `),
    plain(padEnd(cut(name, widths.name, symbols.more), widths.name)),
    plain(`  ${padEnd(modeText(mode, references, look.unicode), widths.mode)}`),
    ...facts.map((fact): Piece => plain(`  ${fact}`)),
    plain('  '),
    note,
  ];
}

/** Less than this before its limit a request is said to run out of time. */
const SOON_MS = 60_000;
/** `59m 59s of 10m 00s` and shorter ones stand below each other. */
const TIME_WIDTH = 17;

export function activityText({
  activity,
  elapsedMs,
}: Pick<TaskView, 'activity' | 'elapsedMs'>): ActivityText {
  const since = [padEnd(durationText(elapsedMs ?? 0), TIME_WIDTH)];
  switch (activity?.kind) {
    case 'beside':
    case undefined:
      return { text: 'starting or recording', style: 'dim', facts: since };
    case 'begun':
      return { text: 'starting', style: 'dim', facts: since };
    case 'slot':
      return { text: 'waits for a free slot', style: 'dim', facts: since };
    case 'wait': {
      const { attempt, leftMs, reason } = activity;
      const next = attempt === null ? 'next attempt' : `attempt ${attempt}`;
      return { text: `${next} in ${durationText(leftMs)}: ${reason}`, style: 'yellow', facts: [] };
    }
    case 'request': {
      const { elapsedMs, limitMs, attempt } = activity;
      const time = `${durationText(elapsedMs)} of ${durationText(limitMs)}`;
      return { ...requestNote(activity), facts: [padEnd(time, TIME_WIDTH), `attempt ${attempt}`] };
    }
  }
}

function requestNote({ what, elapsedMs, limitMs }: Extract<Activity, { kind: 'request' }>) {
  const leftMs = Math.max(0, limitMs - elapsedMs);
  switch (what) {
    case 'saving':
      return { text: 'saving the image' };
    case 'joined':
      return { text: 'joined the running call' };
    case 'waiting':
      return leftMs < SOON_MS && elapsedMs > leftMs
        ? { text: `times out in ${durationText(leftMs)}`, style: 'yellow' as const }
        : { text: '' };
  }
}

export function endedLine(task: TaskView, widths: RowWidths, symbols: Symbols): Line {
  const { name, status, elapsedMs, bytes, error, billing } = task;
  const padded = plain(padEnd(cut(name, widths.name, symbols.more), widths.name));
  const took = elapsedMs === null ? '' : durationText(elapsedMs);
  if (status === 'completed') {
    const facts = [took, bytes === null ? '' : sizeText(bytes), unusualCharge(task)];
    return [
      styled('green', ` ${symbols.done} `),
      padded,
      plain(
        facts
          .filter(Boolean)
          .map((fact) => `  ${fact}`)
          .join(''),
      ),
    ];
  }
  const after = took === '' ? '' : ` after ${took}`;
  return [
    styled('red', ` ${symbols.failed} `),
    padded,
    plain(`  ${statusText(status)}${after}, ${taskChargedText(billing)}`),
    plain(error === null ? '' : `: ${error}`),
  ];
}

/** One charged request for one image is as it should be. */
function unusualCharge({ billing, adopted }: TaskView): string {
  if (adopted) return 'proven before';
  return billing.yes === 1 && billing.possible === 0 ? '' : taskChargedText(billing);
}
