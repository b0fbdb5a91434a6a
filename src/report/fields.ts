/** Fields of records that may be foreign or damaged: what is not of its kind counts as missing. Nothing here throws. */
import type { BillingTally } from '../domain/records.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function asList(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(asFields) : [];
}

export function textOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' ? value : otherwise;
}

export function numberOr<T>(value: unknown, otherwise: T): number | T {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

export function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** A time that can be put on an axis. */
export function timeOr<T>(value: unknown, otherwise: T): string | T {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? value : otherwise;
}

/** Null when it is none; money only where all of it is there. */
export function tallyIn(value: unknown): BillingTally | null {
  const { no, possible, yes, currency, spent_micros, possibly_spent_micros } = asFields(value);
  if (!isCount(no) || !isCount(possible) || !isCount(yes)) return null;
  const hasMoney = typeof currency === 'string' && isCount(spent_micros) && isCount(possibly_spent_micros);
  return { no, possible, yes, ...(hasMoney ? { currency, spent_micros, possibly_spent_micros } : {}) };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
