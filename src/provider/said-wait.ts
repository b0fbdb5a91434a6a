/** Waits as people say them: "1m30s", "2 days", "about 20 seconds", "20 秒后重试". Milliseconds. */

/** One row for each unit, with every name it goes by. */
const UNITS: readonly [ms: number, names: string][] = [
  [1, 'ms msec msecs millisecond milliseconds 毫秒'],
  [1_000, 's sec secs second seconds 秒 秒钟'],
  [60_000, 'm min mins minute minutes 分 分钟'],
  [3_600_000, 'h hr hrs hour hours 小时 个小时'],
  [86_400_000, 'd day days 天 日'],
  [7 * 86_400_000, 'w week weeks 周 个星期'],
  [30 * 86_400_000, 'month months 个月'],
];

const UNIT_MS: ReadonlyMap<string, number> = new Map(
  UNITS.flatMap(([ms, names]) => names.split(' ').map((name) => [name, ms] as const)),
);

/** The longest first, of `minutes` and `m`. */
const UNIT = [...UNIT_MS.keys()].sort((a, b) => b.length - a.length).join('|');
const NUMBER = String.raw`\d[\d,]*(?:\.\d+)?`;

/** `1m`, `30 seconds`, `a minute and `. */
const PART = new RegExp(`(${NUMBER}|an?(?= )) {0,4}(${UNIT})(?![a-z])(?:,? and |, | )?`, 'iuy');
/** `00:01:30`, `1:30`. */
const CLOCK = /(?:(\d{1,4}):)?(\d{1,2}):(\d{2})(?![\d:])/uy;
/** A number that nothing follows is seconds. */
const BARE = new RegExp(String.raw`(${NUMBER})(?=[.,;:!)\]]*(?:\s|$))(?! {0,4}[\p{L}\d])`, 'iuy');

const BEFORE_WAIT =
  /(?:(?:try|trying) again|retry(?:ing)?|wait)(?: in| after| for)?:? (?:(?:about|approximately|approx\.?|around|roughly|at least) )?/giu;

/** `1 分 30 秒后重试`: the wait stands before its words. */
const BEHIND_WAIT = /[之以]?后.{0,6}试/gu;
const ENDS_IN_WAIT = new RegExp(`(?:${NUMBER} ?(?:${UNIT}) ?)+$`, 'iu');
const LONGEST_WAIT_CHARACTERS = 60;

/** The longest wait that a message asks for before another request; undefined when it asks for none. */
export function waitInText(message: string): number | undefined {
  return [
    ...[...message.matchAll(BEFORE_WAIT)].map(({ index, 0: words }) => waitAt(message, index + words.length)),
    ...[...message.matchAll(BEHIND_WAIT)].map(({ index }) => waitBefore(message, index)),
  ].reduce(longer, undefined);
}

/** Of two waits; undefined is none. */
export function longer(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}

/** The wait that stands in a text at a place; undefined when none does. */
function waitAt(text: string, place: number): number | undefined {
  const [, hours = '0', minutes, seconds] = matchAt(CLOCK, text, place) ?? [];
  if (minutes !== undefined) return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000;
  const [bare] = matchAt(BARE, text, place) ?? [];
  return bare === undefined ? sumAt(text, place) : numberOf(bare) * 1_000;
}

function waitBefore(text: string, place: number): number | undefined {
  const words = text.slice(Math.max(0, place - LONGEST_WAIT_CHARACTERS), place);
  const found = ENDS_IN_WAIT.exec(words);
  return found === null ? undefined : sumAt(words, found.index);
}

function sumAt(text: string, place: number): number | undefined {
  let total: number | undefined;
  PART.lastIndex = place;
  for (let part = PART.exec(text); part !== null; part = PART.exec(text)) {
    total = (total ?? 0) + numberOf(part[1] ?? '') * (UNIT_MS.get((part[2] ?? '').toLowerCase()) ?? 0);
  }
  return total;
}

function matchAt(pattern: RegExp, text: string, place: number): RegExpExecArray | null {
  pattern.lastIndex = place;
  return pattern.exec(text);
}

/** `1,200`; `a` minute is one. */
function numberOf(text: string): number {
  return /^a/iu.test(text) ? 1 : Number(text.replaceAll(',', ''));
}
