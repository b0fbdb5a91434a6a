/** What providers and their gateways say when something failed, in the many shapes they say it (`reference/api.md` 1.6). */
import { redactPatterns } from './redact.ts';

/** All null when the body says nothing. */
export interface ProviderError {
  /** `error.code`, also when it is a number, in lower case. */
  code: string | null;
  /** `error.type`, in lower case. */
  type: string | null;
  /** One redacted line of at most 500 characters. */
  message: string | null;
}

/** Takes exact secret values out of a text, see `createRedactor`. */
export type Redact = (text: string) => string;

const keep: Redact = (text) => text;

const MESSAGE_CHARACTERS = 500;

/** Read the error out of a body: JSON in any known shape, HTML (its title), or plain text. Never throws. */
export function providerErrorOf(body: Buffer, redact: Redact = keep): ProviderError {
  const text = body
    .subarray(0, 1024 * 1024)
    .toString('utf8')
    .replace(/^\uFEFF/u, '')
    .trim();
  if (/^<(?:!doctype|html|head|\?xml)/iu.test(text))
    return { code: null, type: null, message: oneLine(htmlTitle(text), redact) };
  try {
    return errorInJson(JSON.parse(text), redact);
  } catch {
    return { code: null, type: null, message: text === '' ? null : oneLine(text, redact) };
  }
}

/** The error inside a parsed body; `error` wins over fields beside it. */
export function errorInJson(json: unknown, redact: Redact = keep): ProviderError {
  const outer = asObject(Array.isArray(json) ? json[0] : json);
  const error = own(outer, 'error') ?? asArray(own(outer, 'errors'))[0];
  const inner = asObject(error);
  const said = [
    typeof error === 'string' ? error : undefined,
    ...[inner, outer].flatMap((object) => MESSAGE_FIELDS.map((field) => own(object, field))),
    own(asObject(asArray(own(outer, 'detail'))[0]), 'msg'),
  ];
  const message = said.find((value) => typeof value === 'string' && value.trim() !== '') as
    | string
    | undefined;
  return {
    code: label(own(inner, 'code') ?? own(outer, 'code'), redact),
    type: label(own(inner, 'type') ?? own(outer, 'type'), redact),
    message: message === undefined ? null : oneLine(message, redact),
  };
}

/** One line without control or direction characters; redacted before it is cut, so that no half secret stays. */
export function oneLine(
  text: string,
  redact: Redact = keep,
  characters: number = MESSAGE_CHARACTERS,
): string {
  const line = beginningOf(text, redact)
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029\s]+/gu, ' ')
    .trim();
  return redactPatterns(redact(line)).slice(0, characters);
}

const READ_CHARACTERS = 20_000;
/** More than any form of a secret takes. */
const LONGEST_FORM_CHARACTERS = 1_000;

/** Enough of a text for a line, without the half of a secret that a cut may leave at its end. */
function beginningOf(text: string, redact: Redact): string {
  const beginning = redact(text.slice(0, READ_CHARACTERS));
  return text.length > READ_CHARACTERS ? beginning.slice(0, -LONGEST_FORM_CHARACTERS) : beginning;
}

/** Own properties only: `__proto__` and `constructor` of a hostile body are data, or nothing. */
export function own(object: object | null, name: string): unknown {
  return object !== null && Object.hasOwn(object, name)
    ? (object as Record<string, unknown>)[name]
    : undefined;
}

export function asObject(value: unknown): object | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
}

export function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** In order of preference: OpenAI, vendors, FastAPI, Cloudflare. */
const MESSAGE_FIELDS = ['message', 'msg', 'error_msg', 'detail', 'title'] as const;

function htmlTitle(html: string): string {
  // More than `oneLine` reads: nothing is cut before it is redacted.
  const title = /<title[^>]{0,200}>([^<]{1,40000})/iu.exec(html)?.[1]?.trim();
  return title ? `HTML page "${title}"` : 'HTML page';
}

function label(value: unknown, redact: Redact): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  const text = oneLine(String(value), redact).slice(0, 80).toLowerCase();
  return text === '' ? null : text;
}
