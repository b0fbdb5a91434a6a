/**
 * Two secrets that look like nothing a pattern would know, every way a careless provider may write them down, and the
 * search for any of these (SPEC F9). Each way of writing differs from the others for these values.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const CANARY_KEY = 'canary+7f3c/0d91=Zq~48';
/** Value of a header that the config adds to every request. */
export const CANARY_TOKEN = 'canary>b20e "5d&1" ?x\\c9';
export const TOKEN_HEADER = 'x-gateway-token';

/** Name of the form → the form, of both. */
export const FORMS: readonly (readonly [name: string, form: string])[] = [
  ...formsOf('key', CANARY_KEY),
  ...formsOf('token', CANARY_TOKEN),
];

/** What it says who repeats all it was told. Without line breaks; fit for a header. */
export const SAID = [CANARY_KEY, CANARY_TOKEN]
  .flatMap((secret) => [
    secret,
    `Bearer ${secret}`,
    JSON.stringify({ secret }),
    encodeURIComponent(secret),
    encodeURIComponent(secret).replaceAll(/%../gu, (code) => code.toLowerCase()),
    Buffer.from(secret).toString('base64'),
    Buffer.from(secret).toString('base64url'),
    Buffer.from(`user:${secret}`).toString('base64'),
    Buffer.from(`u:${secret}!`).toString('base64'),
    Buffer.from(secret).toString('hex'),
  ])
  .join(' ');

/** Names of the forms that stand in the text. */
export function canariesIn(text: string): string[] {
  return FORMS.filter(([, form]) => text.includes(form)).map(([name]) => name);
}

/** `<form> in <place>` for each. */
export function canariesInPlaces(places: Readonly<Record<string, string>>): string[] {
  return Object.entries(places).flatMap(([place, text]) =>
    canariesIn(text).map((form) => `${form} in ${place}`),
  );
}

/** Names relative to the folder → bytes, one character each. */
export function bytesBelow(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    paths.map((path) => [path.slice(folder.length + 1), readFileSync(path).toString('latin1')]),
  );
}

/** Every text in a value, however deep: fields that errors hide, names of fields, causes. */
export function textsIn(value: unknown, seen = new Set<unknown>()): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value !== 'object' || value === null || seen.has(value)) return String(value);
  seen.add(value);
  return Object.getOwnPropertyNames(value)
    .map((name) => `${name}: ${textsIn((value as Record<string, unknown>)[name], seen)}`)
    .join('\n');
}

/** As it is, in base64 at each of its three alignments (also inside of other text), URL-encoded, in JSON, in hex. */
function formsOf(what: string, secret: string): (readonly [string, string])[] {
  const bytes = Buffer.from(secret);
  const core = (before: number) => {
    const base64 = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return base64.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  };
  return [
    [`the ${what}`, secret],
    [`the ${what} in JSON`, JSON.stringify(secret).slice(1, -1)],
    ...[0, 1, 2].flatMap((before) => [
      [`the ${what} in base64, alignment ${before}`, core(before)] as const,
      [
        `the ${what} in base64url, alignment ${before}`,
        core(before).replaceAll('+', '-').replaceAll('/', '_'),
      ] as const,
    ]),
    [`the URL-encoded ${what}`, encodeURIComponent(secret)],
    [
      `the URL-encoded ${what} in lower case`,
      encodeURIComponent(secret).replaceAll(/%../gu, (code) => code.toLowerCase()),
    ],
    [`the ${what} in hex`, bytes.toString('hex')],
    [`the ${what} in upper-case hex`, bytes.toString('hex').toUpperCase()],
  ];
}
