/** From the body of a 2xx answer to image bytes (SPEC G9). What is not an image for certain is none. */
import {
  asArray,
  asObject,
  errorInJson,
  oneLine,
  own,
  type Redact,
  providerErrorOf,
} from './provider-error.ts';

export interface ImageAnswer {
  /** One was asked for; at least one is here, in the provider's order. */
  images: readonly GivenImage[];
  /** Token counts: numbers and short texts, at most three levels deep. */
  usage: Record<string, unknown> | null;
  /** Seconds since 1970. */
  created: number | null;
  /** What the provider says it made. */
  echo: Partial<Record<EchoField, string>>;
}

export interface GivenImage {
  /**
   * The bytes as the provider made them; whether they are an image is for `inspectImage` to say. Or where they are. Throws
   * `BadAnswer`.
   */
  read: () => Buffer | ImageLink;
  revisedPrompt: string | null;
}

/** As the provider wrote it: whatever stands there, and not to be followed but by `download`. */
export interface ImageLink {
  link: string;
}

/** A complete answer without a usable image: `bad_response`, paid, kept raw. The message says why. */
export class BadAnswer extends Error {
  override name = 'BadAnswer';
}

const ECHO_FIELDS = ['size', 'quality', 'output_format', 'background', 'model'] as const;
type EchoField = (typeof ECHO_FIELDS)[number];

/** Throws `BadAnswer` with a human reason; `redact` takes exact secrets out of the provider's words in it. */
export function readAnswer(body: Buffer, redact: Redact = (text) => text): ImageAnswer {
  const json = parse(body, redact);
  refuseError(json, redact);
  const items = itemsOf(json);
  const images = items.flatMap((item) => {
    const written = writtenImage(item);
    if (written === null) return [];
    const revised = own(item, 'revised_prompt');
    const revisedPrompt = typeof revised === 'string' ? revised.slice(0, REVISED_PROMPT_CHARACTERS) : null;
    return [{ read: () => decode(written, redact), revisedPrompt }];
  });
  if (images.length === 0) throw new BadAnswer(whyNoImage(json, items, redact));
  const created = own(json, 'created');
  return {
    images,
    usage: asObject(plain(own(json, 'usage'), 3)) as Record<string, unknown> | null,
    created: typeof created === 'number' ? created : null,
    echo: echoOf(json),
  };
}

/** Whether anything in it may be an image: then it was paid, whatever it says besides. Never throws. */
export function holdsImage(body: Buffer): boolean {
  try {
    return itemsOf(parse(body, (text) => text)).some((item) => writtenImage(item) !== null);
  } catch {
    return false;
  }
}

const REVISED_PROMPT_CHARACTERS = 32_000;

/** Of a page; more than is read of it, so that this cut shows in no message. */
const PAGE_CHARACTERS = 100_000;

/** Gateways keep a connection alive with white space before the JSON; content types are not to be relied on. */
function parse(body: Buffer, redact: Redact): object {
  const text = body.toString('utf8').replace(/^[\s\uFEFF]+/u, '');
  if (text === '') throw new BadAnswer('the answer is empty');
  if (text.startsWith('<')) {
    throw new BadAnswer(
      `the answer is no JSON but ${providerErrorOf(Buffer.from(text.slice(0, PAGE_CHARACTERS)), redact).message}`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new BadAnswer(`the answer is no valid JSON, or was cut off: it begins ${quote(text, redact)}`);
  }
  const object = asObject(json);
  if (object === null)
    throw new BadAnswer(`the answer is JSON but no object: it begins ${quote(text, redact)}`);
  return object;
}

/** A late failure arrives in a 200 that was begun before it. */
function refuseError(json: object, redact: Redact): void {
  if (!saysAnything(own(json, 'error'), ERROR_DEPTH)) return;
  const { code, type, message } = errorInJson(json, redact);
  throw new BadAnswer(
    `the provider reports an error inside a success (${code ?? type ?? 'no code'}): ${message ?? 'no message'}`,
  );
}

function itemsOf(json: object): (object | null)[] {
  return asArray(own(json, 'data')).map(asObject);
}

const ERROR_DEPTH = 3;

/** Programs that leave no field out write `"error": {"code": 0, "message": ""}` into their successes. */
function saysAnything(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.trim() !== '';
  if (typeof value !== 'object' || value === null) return Boolean(value);
  return depth === 0 || Object.values(value).some((field) => saysAnything(field, depth - 1));
}

interface WrittenImage {
  field: 'b64_json' | 'url';
  text: string;
}

function writtenImage(item: object | null): WrittenImage | null {
  for (const field of ['b64_json', 'url'] as const) {
    const text = own(item, field);
    if (typeof text === 'string' && text.trim() !== '') return { field, text };
  }
  return null;
}

function whyNoImage(json: object, items: readonly unknown[], redact: Redact): string {
  const { code, message } = errorInJson(json, redact);
  const said = message ?? code;
  const hint = said === null ? '' : `; the provider says: ${said}`;
  if (!Object.hasOwn(json, 'data')) return `the answer has no "data"${hint}`;
  if (items.length === 0) return `the answer's "data" is empty${hint}`;
  return `the answer's "data" holds no image${hint}`;
}

/** Gateways put data URIs into either field, and links into either; a `url` may also be relative to the gateway. */
function decode({ field, text }: WrittenImage, redact: Redact): Buffer | ImageLink {
  const start = text.slice(0, 100).trimStart();
  const isData = /^data:/iu.test(start);
  if (/^https?:/iu.test(start) || (field === 'url' && !isData)) return { link: text.trim() };
  if (!isData) return decodeBase64(text);
  const comma = text.indexOf(',');
  if (comma === -1 || !IMAGE_DATA.test(text.slice(0, Math.min(comma, DATA_PREFIX_CHARACTERS)))) {
    throw new BadAnswer(`the image's data URI is no base64 image: it begins ${quote(text, redact)}`);
  }
  return decodeBase64(text.slice(comma + 1));
}

/** RFC 2397. Of an image, or of bytes that nobody named: they say themselves what they are. Parameters before `base64` change nothing. */
const IMAGE_DATA =
  /^\s*data:(?:image\/[\w.+-]{1,40}|(?:application|binary)\/octet-stream)? ?(?:; ?[\w.+-]{1,40}=[^;,]{0,100})*; ?base64 ?$/iu;
const DATA_PREFIX_CHARACTERS = 400;

/** Strict: whole quads, padding where it belongs, RFC 4648's first alphabet; line breaks are allowed. */
function decodeBase64(text: string): Buffer {
  const quads = /\s/u.test(text) ? text.replaceAll(/\s+/gu, '') : text;
  const end = quads.endsWith('==') ? -2 : quads.endsWith('=') ? -1 : quads.length;
  const illegal = /[^A-Za-z0-9+/]/u.exec(quads.slice(0, end));
  if (illegal !== null) {
    throw new BadAnswer(`the image's base64 is invalid: ${quote(illegal[0])} at position ${illegal.index}`);
  }
  if (quads.length === 0) throw new BadAnswer("the image's base64 is empty");
  if (quads.length % 4 !== 0) {
    throw new BadAnswer(`the image's base64 is cut off: ${quads.length} characters are no multiple of 4`);
  }
  const last = quads.slice(-4);
  if (Buffer.from(last, 'base64').toString('base64') !== last) {
    throw new BadAnswer(`the image's base64 ends wrongly: ${quote(last)}`);
  }
  return Buffer.from(quads, 'base64');
}

function echoOf(json: object): ImageAnswer['echo'] {
  const said = ECHO_FIELDS.map((field) => [field, own(json, field)] as const);
  return Object.fromEntries(
    said
      .filter(([, value]) => typeof value === 'string')
      .map(([field, value]) => [field, String(value).slice(0, 200)]),
  );
}

const PLAIN_FIELDS = 32;

/** A bounded copy of counts as the provider reports them: a hostile body must not bloat or bend our records. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return value.slice(0, 100);
  const object = asObject(value);
  if (object === null || depth === 0) return undefined;
  const fields = Object.entries(object)
    .slice(0, PLAIN_FIELDS)
    .filter(([name]) => /^\w{1,64}$/u.test(name) && name !== '__proto__')
    .map(([name, field]) => [name, plain(field, depth - 1)] as const);
  return Object.fromEntries(fields.filter(([, field]) => field !== undefined));
}

function quote(text: string, redact: Redact = (same) => same): string {
  return JSON.stringify(oneLine(text, redact, 60));
}
