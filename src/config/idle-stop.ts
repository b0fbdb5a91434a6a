import { ConfigError } from '../host/config-file.ts';

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000 };
const DEFAULT_MS = 15 * 60_000;

/**
 * Idle time in milliseconds after which the embedded stack stops itself; null is never (SPEC C5). `IMGPROOF_IDLE_STOP`:
 * a whole number with `s`, `m` or `h`, or `off`; 15 min when unset.
 * @throws ConfigError
 */
export function idleStopMs(text: string | undefined): number | null {
  if (text === undefined) return DEFAULT_MS;
  if (text === 'off') return null;
  const [, count, unit] = /^([1-9]\d{0,5})([smh])$/u.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return Number(count) * (UNIT_MS[unit] as number);
  throw new ConfigError(
    'IMGPROOF_IDLE_STOP must be a time such as 90s, 15m or 2h, or "off". Correct it and try again.',
  );
}
