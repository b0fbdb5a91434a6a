import { ConfigError } from '../host/config-file.ts';

const DAY_MS = 24 * 3_600_000;
const DAYS = { fewest: 1, byDefault: 14, most: 3_650 };

/**
 * How long what is recorded stays in the spool, milliseconds; null is for ever. `value`: whole days or `off`; 14 when
 * undefined. `name`: what the user wrote it under, for the message.
 * @throws ConfigError
 */
export function spoolRetentionMs(name: string, value: unknown): number | null {
  if (value === undefined) return DAYS.byDefault * DAY_MS;
  if (value === 'off') return null;
  const days = typeof value === 'string' && /^\d{1,4}$/u.test(value) ? Number(value) : value;
  const isDays =
    typeof days === 'number' && Number.isInteger(days) && days >= DAYS.fewest && days <= DAYS.most;
  if (isDays) return days * DAY_MS;
  throw new ConfigError(
    `${name} must be a whole number of days from ${DAYS.fewest} to ${DAYS.most}, or "off". Correct it and try again.`,
  );
}
