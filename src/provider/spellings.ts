/**
 * A secret as others write it: whoever echoes a key escapes it for the form that he answers in. Each of its characters may stand
 * as itself or in one of these spellings; mixed, for every encoder leaves other characters alone.
 *
 *     \/  \u002f      JSON, twice over too
 *     %2F  %252f      URLs and forms, `+` for a space
 *     &#47;  &#x2F;  &sol;   HTML
 */

/** Beyond it a pattern of spellings grows large; such secrets are found as they are, and JSON-escaped. */
const CHARACTERS_MAX = 300;

/** Source of a regular expression with the flag `u`. */
export function spelledOut(secret: string): string {
  if (secret.length > CHARACTERS_MAX) return plainSpellings(secret);
  return Array.from(secret, (character) => `(?:${spellingsOf(character).join('|')})`).join('');
}

export function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, (char) => `\\${char}`);
}

function plainSpellings(secret: string): string {
  // Half a surrogate pair, which has no percent code, is replaced first.
  const percent = encodeURIComponent(Buffer.from(secret, 'utf8').toString('utf8'));
  const forms = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    percent,
    percent.replaceAll(/%[0-9A-F]{2}/gu, (code) => code.toLowerCase()),
    percent.replaceAll('%20', '+'),
  ];
  return [...new Set(forms)].map(escapeRegExp).join('|');
}

/** HTML's names of characters that keys have. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  '&': ['amp', 'AMP'],
  '<': ['lt', 'LT'],
  '>': ['gt', 'GT'],
  '"': ['quot', 'QUOT'],
  "'": ['apos'],
  '/': ['sol'],
  '\\': ['bsol'],
  '+': ['plus'],
  '=': ['equals'],
  '-': ['hyphen', 'dash'],
  _: ['lowbar', 'UnderBar'],
  '.': ['period'],
  ':': ['colon'],
  ';': ['semi'],
  ',': ['comma'],
  '!': ['excl'],
  '?': ['quest'],
  '*': ['ast', 'midast'],
  '#': ['num'],
  $: ['dollar'],
  '%': ['percnt'],
  '@': ['commat'],
  '(': ['lpar'],
  ')': ['rpar'],
  '[': ['lbrack', 'lsqb'],
  ']': ['rbrack', 'rsqb'],
  '{': ['lbrace', 'lcub'],
  '}': ['rbrace', 'rcub'],
  '|': ['vert', 'verbar'],
  '^': ['Hat'],
  '`': ['grave'],
};

/** What JSON writes with a letter. */
const LETTERS: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't', '\b': 'b', '\f': 'f' };

const SIGN = /^[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e]$/u;

function spellingsOf(character: string): string[] {
  const code = character.codePointAt(0) as number;
  const hex = anyCase(code.toString(16));
  const units = [...Array(character.length).keys()].map((i) => character.charCodeAt(i));
  const letter = LETTERS[character];
  const backslashes = String.raw`\\{1,2}`;
  // The character alone comes last: of a backslash that begins a longer spelling all must go.
  return [
    units.map((unit) => `${backslashes}u${anyCase(unit.toString(16).padStart(4, '0'))}`).join(''),
    [...Buffer.from(character, 'utf8')]
      .map((byte) => `%(?:25)?${anyCase(byte.toString(16).padStart(2, '0'))}`)
      .join(''),
    `&#0{0,4}${code};`,
    `&#[xX]0{0,4}${hex};`,
    ...(NAMES[character] ?? []).map((name) => `&${name};`),
    ...(letter === undefined ? [] : [backslashes + letter]),
    ...(SIGN.test(character) ? [`\\\\{1,3}${escapeRegExp(character)}`] : []),
    ...(character === ' ' ? [String.raw`\+`] : []),
    escapeRegExp(character),
  ];
}

function anyCase(hex: string): string {
  return hex.replaceAll(/[a-f]/gu, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
