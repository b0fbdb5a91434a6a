/** Secrets never reach a file, a log or an error (SPEC F9). */
import { escapeRegExp, spelledOut } from './spellings.ts';

const MARK = '[redacted]';

/** Shorter values are too common to replace everywhere. */
const MIN_SECRET_LENGTH = 4;

/** From this length on the encoded form is looked for inside other base64 too; shorter ones would hit image data. */
const MIN_EMBEDDED_BYTES = 8;

/**
 * Replaces these exact values wherever they occur: in any spelling (`spelledOut`), in base64 and in hex. Values of fewer than 4
 * characters are left alone.
 */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const forms = [...new Set(secrets)].filter(({ length }) => length >= MIN_SECRET_LENGTH).map(formsOf);
  if (forms.length === 0) return (text) => text;
  const pattern = patternOf(forms.flat(), 'gu');
  // Most texts hold none, and patterns one by one are faster than all at once.
  const each = forms.map((ofOne) => patternOf(ofOne, 'u'));
  return (text) => (each.some((one) => one.test(text)) ? text.replaceAll(pattern, MARK) : text);
}

/**
 * Replaces what looks like a secret: `sk-…`, `Bearer …`, `api_key|token|secret = …`, userinfo and query of URLs. For
 * logs, error texts and provider error bodies; never for prompts, paths or image bytes. Linear in the text's length.
 */
export function redactPatterns(text: string): string {
  let redacted = text.replaceAll(URL_LIKE, redactUrl);
  for (const pattern of PATTERNS) redacted = redacted.replaceAll(pattern, `$1${MARK}`);
  // A mark in the place of what ended an address (`<`, a backslash) makes it longer: once more, so that nothing is left to find.
  return redacted.replaceAll(URL_LIKE, redactUrl);
}

/** Group 1 stays, the rest goes. Every quantifier is bounded or the last thing in its pattern. */
const PATTERNS = [
  /(\bauthorization["']?\s{0,4}[:=]\s{0,4}["']?(?:[a-z]{1,16} {1,4})?)[^\s"',;]+/giu,
  /(\bbearer\s{1,8})[^\s"',;]+/giu,
  /((?:api[_ -]?key|token|secret)\\?["']?\s{0,4}[:=]\s{0,4}\\?["']?)[^\s"',;&}\\]+/giu,
  /()\bsk-[\w*-]{8,}/gu,
];

const URL_LIKE = /\b[a-z][a-z0-9+.-]{0,15}:\/\/[^\s"'<>\\]+/giu;

function redactUrl(url: string): string {
  const [, scheme = '', rest = ''] = /^([^:]+:\/\/)(.*)$/su.exec(url) ?? [];
  const authorityEnd = firstOf(rest, /[/?#]/u);
  const authority = rest.slice(0, authorityEnd);
  const host = authority.includes('@')
    ? `${MARK}@${authority.slice(authority.lastIndexOf('@') + 1)}`
    : authority;
  const tail = rest.slice(authorityEnd);
  const queryStart = firstOf(tail, /[?#]/u);
  const query = queryStart === tail.length ? '' : `${tail.slice(queryStart, queryStart + 1)}${MARK}`;
  return `${scheme}${host}${tail.slice(0, queryStart)}${query}`;
}

function firstOf(text: string, pattern: RegExp): number {
  const index = text.search(pattern);
  return index === -1 ? text.length : index;
}

interface Form {
  source: string;
  /** Of what it finds, at least: the longest comes first. */
  length: number;
}

function patternOf(forms: readonly Form[], flags: 'u' | 'gu'): RegExp {
  const longestFirst = forms.toSorted((one, other) => other.length - one.length);
  return new RegExp(longestFirst.map(({ source }) => source).join('|'), flags);
}

function formsOf(secret: string): Form[] {
  const spelled = { source: spelledOut(secret), length: secret.length };
  const encoded = encodedForms(secret).map((form) => ({ source: escapeRegExp(form), length: form.length }));
  return [spelled, ...encoded];
}

function encodedForms(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const base64 = [bytes.toString('base64'), bytes.toString('base64url')];
  if (bytes.length < MIN_EMBEDDED_BYTES) return base64;
  const hex = bytes.toString('hex');
  const embedded = [0, 1, 2].flatMap((before) => embeddedBase64(bytes, before));
  return [...new Set([...base64, hex, hex.toUpperCase(), ...embedded])];
}

/** The characters that stand for the secret alone when `before` (mod 3) other bytes precede it, as in Basic auth. */
function embeddedBase64(secret: Buffer, before: number): string[] {
  const encoded = Buffer.concat([Buffer.alloc(before), secret]).toString('base64');
  const core = encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + secret.length) * 8) / 6));
  return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
}
