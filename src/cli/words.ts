/** How durations, sizes, money and modes read on a screen. Pure. */
import { moneyText } from '../domain/cost.ts';
import type { TimeLeft } from '../domain/eta.ts';
import { type FailureCategory, FAILURES } from '../domain/failure.ts';
import type { BillingTally, TaskRow } from '../domain/records.ts';
import type { TaskStatus } from '../domain/status.ts';
import { MODE_NAMES, type Mode } from '../domain/task.ts';

/** `38s`, `1m 52s`, `1h 05m`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}

/** `9–14 min`: the unit of the longer end, rounded away from the middle so that the range stays true. */
export function timeLeftText({ fromMs, toMs }: TimeLeft, to: string): string {
  const [unitMs, unit] =
    toMs < 90_000 ? [1_000, 's'] : toMs < 90 * 60_000 ? [60_000, 'min'] : [3_600_000, 'h'];
  const from = Math.floor(fromMs / unitMs);
  const until = Math.max(1, Math.ceil(toMs / unitMs));
  return from === until ? `${until} ${unit}` : `${from}${to}${until} ${unit}`;
}

/** `1.8 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1_000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** `6 charged, 1 more possibly charged`: what may have been paid is never left out (SPEC R4). */
export function chargedText(billing: BillingTally): string {
  const { yes, possible, spent_micros, possibly_spent_micros } = billing;
  const charged = `${yes} charged${yes === 0 ? '' : moneyOf(billing, spent_micros)}`;
  if (possible === 0) return charged;
  const possibly = `possibly charged${moneyOf(billing, possibly_spent_micros)}`;
  return yes === 0 ? `${possible} ${possibly}` : `${charged}, ${possible} more ${possibly}`;
}

/** ` (1.27 USD)`; nothing where no price is configured (SPEC R8). */
function moneyOf({ currency }: BillingTally, micros: number | undefined): string {
  return currency === undefined || micros === undefined ? '' : ` (${moneyText(micros, currency)})`;
}

/** What one ended task cost. */
export function taskChargedText(billing: BillingTally): string {
  const { no, possible, yes } = billing;
  if (no + possible + yes === 0) return 'nothing sent';
  return yes + possible === 0
    ? 'not charged'
    : yes === 1 && possible === 0
      ? `charged${moneyOf(billing, billing.spent_micros)}`
      : chargedText(billing);
}

export function requestsText(billing: BillingTally): string {
  return counted(sentCount(billing), 'request');
}

/** Requests, whatever they cost. */
export function sentCount({ no, possible, yes }: BillingTally): number {
  return no + possible + yes;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The business name (SPEC words), with the number of references when there are several. */
export function modeText(mode: Mode, references: number, unicode: boolean): string {
  const [ascii = mode, chinese = ascii] = MODE_NAMES[mode].split(' ');
  const name = unicode ? chinese : ascii;
  return references > 1 ? `${name} ${references}` : name;
}

/** What to do about a failure; null where the row says it all. */
export function reasonOf(category: TaskRow['category']): string | null {
  return category !== null && category in FAILURES ? FAILURES[category as FailureCategory].reason : null;
}

/** Both names where both can be read. */
export function modeNames(mode: Mode, unicode: boolean): string {
  return unicode ? MODE_NAMES[mode] : modeText(mode, 0, false);
}

export function statusText(status: TaskStatus): string {
  return status.replaceAll('_', ' ');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
