/** Dates as headers write them (RFC 9110, 5.6.7). Without a zone they are GMT, never the time of this machine. */

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** Hours before or behind GMT of the zones that RFC 5322 knows by name. */
const ZONE_HOURS: Readonly<Record<string, number>> = {
  gmt: 0,
  utc: 0,
  ut: 0,
  z: 0,
  edt: -4,
  est: -5,
  cdt: -5,
  cst: -6,
  mdt: -6,
  mst: -7,
  pdt: -7,
  pst: -8,
};

const WEEKDAY = '(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}';
const MONTH = `(?<month>${MONTHS.join('|')})`;
const TIME = String.raw`(?<hour>\d{1,2}):(?<minute>\d{2}):(?<second>\d{2})(?:\.\d{1,9})?`;
const ZONE = String.raw`(?: ?(?<zone>${Object.keys(ZONE_HOURS).join('|')}|[+-]\d{2}:?\d{2}))?`;

const FORMS: readonly RegExp[] = [
  // IMF-fixdate `Fri, 27 Nov 2026 12:05:00 GMT`, RFC 850 `Friday, 27-Nov-26 12:05:00 GMT`.
  String.raw`(?:${WEEKDAY},? ?)?(?<day>\d{1,2})[ -]${MONTH}[ -](?<year>\d{4}|\d{2}) ${TIME}${ZONE}`,
  // asctime `Fri Nov 27 12:05:00 2026`.
  String.raw`${WEEKDAY},? ${MONTH} {1,2}(?<day>\d{1,2}) ${TIME}${ZONE} (?<year>\d{4})`,
  // ISO 8601, which no header should have.
  String.raw`(?<year>\d{4})-(?<month>\d{2})-(?<day>\d{2})[t ]${TIME}${ZONE}`,
].map((form) => new RegExp(`^${form}$`, 'iu'));

const DATE_CHARACTERS = 64;

/** Milliseconds since 1970; undefined for what is no date. `nowMs` tells the century of two digits. */
export function httpDate(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined || text.length > DATE_CHARACTERS) return undefined;
  const line = text.trim();
  for (const form of FORMS) {
    const parts = form.exec(line)?.groups;
    if (parts !== undefined) return timeOf(parts, nowMs);
  }
  return undefined;
}

function timeOf(parts: Readonly<Record<string, string | undefined>>, nowMs: number): number | undefined {
  const [day, hour, minute, second] = ['day', 'hour', 'minute', 'second'].map((name) => Number(parts[name]));
  const month = monthOf(parts['month'] ?? '');
  const isDate = day! >= 1 && day! <= 31 && month >= 0 && month <= 11;
  if (!isDate || hour! > 23 || minute! > 59 || second! > 60) return undefined;
  const year = fullYear(parts['year'] ?? '', nowMs);
  return Date.UTC(year, month, day, hour, minute, second) - zoneMs(parts['zone'] ?? 'z');
}

/** From 0. */
function monthOf(text: string): number {
  return /^\d/u.test(text) ? Number(text) - 1 : MONTHS.indexOf(text.toLowerCase());
}

/** RFC 9110: what would be more than 50 years ahead has passed. */
function fullYear(text: string, nowMs: number): number {
  if (text.length > 2) return Number(text);
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = Math.floor(thisYear / 100) * 100 + Number(text);
  return year > thisYear + 50 ? year - 100 : year;
}

const HOUR_MS = 3_600_000;

function zoneMs(zone: string): number {
  const named = ZONE_HOURS[zone.toLowerCase()];
  if (named !== undefined) return named * HOUR_MS;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}
