/** One task on one line: what it does, or how it ended. Pure. */
import { cut, padEnd } from './layout.ts';
import { type Line, plain, styled } from './paint.ts';
import type { Activity, TaskView } from './progress-view.ts';
import type { Look, Symbols } from './terminal.ts';
import { durationText, modeText, sizeText, statusText, taskChargedText } from './words.ts';

/** Of the columns that all rows share. */
export interface RowWidths {
  name: number;
  mode: number;
  time: number;
}

export interface ActivityText {
  /** Since its start; of a request, of the time it may take. Null where what it waits for needs the room. */
  time: string | null;
  attempt: string | null;
  /** Empty: it waits for the image, as it should. */
  note: string;
  style?: 'dim' | 'yellow';
}

export function runningLine(task: TaskView, widths: RowWidths, look: Look, symbols: Symbols): Line {
  const { name, mode, references } = task;
  const { time, attempt, note, style } = activityText(task);
  return [
    styled('cyan', ` ${symbols.running} `),
    plain(padEnd(cut(name, widths.name, symbols.more), widths.name)),
    plain(`  ${padEnd(modeText(mode, references, look.unicode), widths.mode)}`),
    plain(time === null ? '' : `  ${padEnd(time, widths.time)}`),
    plain('  '),
    style === undefined ? plain(note) : styled(style, note),
    plain(`${note === '' || attempt === null ? '' : '  '}${attempt ?? ''}`),
  ];
}

/** Less than this before its limit a request is said to run out of time. */
const SOON_MS = 60_000;

export function activityText({ activity, elapsedMs }: TaskView): ActivityText {
  const since: ActivityText = { time: durationText(elapsedMs ?? 0), attempt: null, note: '', style: 'dim' };
  switch (activity?.kind) {
    case 'beside':
    case undefined:
      return { ...since, note: 'starting or recording' };
    case 'begun':
      return { ...since, note: 'starting' };
    case 'slot':
      return { ...since, note: 'waits for a free slot' };
    case 'wait': {
      const { attempt, leftMs, reason } = activity;
      const next = attempt === null ? 'next attempt' : `attempt ${attempt}`;
      return {
        time: null,
        attempt: null,
        note: `${next} in ${durationText(leftMs)}: ${shortReason(reason)}`,
        style: 'yellow',
      };
    }
    case 'request': {
      const { elapsedMs, limitMs, attempt } = activity;
      const time = `${durationText(elapsedMs)} of ${durationText(limitMs)}`;
      return { time, attempt: `attempt ${attempt}`, ...requestNote(activity) };
    }
  }
}

function requestNote({ what, elapsedMs, limitMs }: Extract<Activity, { kind: 'request' }>) {
  const leftMs = Math.max(0, limitMs - elapsedMs);
  switch (what) {
    case 'saving':
      return { note: 'saving the image' };
    case 'joined':
      return { note: 'joined the running call' };
    case 'waiting':
      return leftMs < SOON_MS && elapsedMs > leftMs
        ? { note: `times out in ${durationText(leftMs)}`, style: 'yellow' as const }
        : { note: '' };
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
    plain(error === null ? '' : `: ${shortReason(error)}`),
  ];
}

/** A row has no room for the address that was called; the record has it. */
export function shortReason(text: string): string {
  return text.replace(/^POST \S+: /u, '');
}

/** One charged request for one image is as it should be. */
function unusualCharge({ billing, adopted }: TaskView): string {
  if (adopted) return 'proven before';
  return billing.yes === 1 && billing.possible === 0 ? '' : taskChargedText(billing);
}
