/**
 * A provider entry as OpenClaw writes it (`models.providers.<key>`), turned into what a call needs (SPEC G8;
 * `reference/api.md` 3) in two steps: the plan reads structure and variables, `unseal` adds what only the worker opens.
 * No message carries a configured value: any of them may be a key in the wrong place.
 */

import { isObject, type JsonObject } from '../host/config-file.ts';
import { readBaseUrl } from './base-url.ts';
import { refuseUnsupported } from './entry-forms.ts';
import { problem, type ProviderConfig, type ProviderEntry } from './provider-entry.ts';
import type { SealedSecret } from './secret-refs.ts';
import { bareVariable, secretValue } from './secret-values.ts';

export interface ProviderPlan {
  entry: ProviderEntry;
  baseUrl: string;
  headers: readonly [name: string, value: Planned][];
  apiKey: Planned;
  /** What stands in the `baseUrl` and must not be shown. */
  urlSecrets: readonly string[];
}

/** A value of the call: known now, or behind a SecretRef; `accept` checks what is found there. */
type Planned =
  | { known: string; isSecret: boolean }
  | { sealed: SealedSecret; accept: (opened: string) => string };

/** Opens nothing. @throws ProviderConfigError */
export function planProvider(entry: ProviderEntry): ProviderPlan {
  const { block } = entry;
  if (!isObject(block)) throw problem(entry, 'invalid', 'is not an object; it needs baseUrl and apiKey');
  refuseUnsupported(entry, block);
  const { baseUrl, urlSecrets } = readBaseUrl(entry, block['baseUrl']);
  const headers = planHeaders(entry, block);
  return { entry, baseUrl, urlSecrets, headers, apiKey: planApiKey(entry, block, headers) };
}

/** The SecretRefs that have to be opened for a call. */
export function sealedSecrets({ headers, apiKey }: ProviderPlan): SealedSecret[] {
  return [...headers.map(([, value]) => value), apiKey].flatMap((value) =>
    'sealed' in value ? value.sealed : [],
  );
}

/** @throws ProviderConfigError when what was found can't be sent. */
export function unseal(plan: ProviderPlan, opened: ReadonlyMap<SealedSecret, string>): ProviderConfig {
  const textOf = (value: Planned) =>
    'sealed' in value ? value.accept(opened.get(value.sealed) ?? '') : value.known;
  const apiKey = textOf(plan.apiKey);
  const headers = plan.headers.map(([name, value]): [string, string] => [name, textOf(value)]);
  const secretHeaders = headers.filter((_, i) => isSecret(plan.headers[i]?.[1])).map(([, text]) => text);
  const secrets = [
    ...plan.urlSecrets,
    // A scheme such as `Bearer` in front of the secret is none.
    ...secretHeaders.flatMap((text) => [text, text.replace(/^\w+ +/u, '')]),
    apiKey,
  ];
  return {
    name: plan.entry.name,
    baseUrl: plan.baseUrl,
    apiKey,
    headers: Object.fromEntries(headers),
    secrets: [...new Set(secrets)].filter((secret) => secret !== ''),
  };
}

function isSecret(value: Planned | undefined): boolean {
  return value !== undefined && ('sealed' in value || value.isSecret);
}

/** The request's own, which a config must not change. */
const RESERVED_HEADERS = new Set([
  'host',
  'content-type',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'expect',
  'trailer',
  'te',
]);
const SECRET_HEADER = /auth|key|token|secret|cookie|password/iu;

function planHeaders(entry: ProviderEntry, block: JsonObject): [string, Planned][] {
  const configured = block['headers'] ?? {};
  if (!isObject(configured)) throw problem(entry, 'invalid', 'has headers that are not an object');
  return Object.entries(configured).map(([name, raw]) => {
    const field = `headers[${JSON.stringify(name.slice(0, 60))}]`;
    if (!/^[!#$%&'*+.^_`|~\w-]+$/u.test(name))
      throw problem(entry, 'invalid', `has ${field}, which is not a header name`);
    if (RESERVED_HEADERS.has(name.toLowerCase()))
      throw problem(entry, 'invalid', `sets ${field}, which belongs to the request itself`);
    const accept = (text: string) => headerText(entry, field, text);
    const value = secretValue(entry, field, raw);
    if (typeof value !== 'string') return [name, { sealed: value, accept }];
    return [name, { known: accept(value), isSecret: raw !== value || SECRET_HEADER.test(name) }];
  });
}

function headerText(entry: ProviderEntry, field: string, text: string): string {
  if (/^[\t\u0020-\u007E\u0080-\u00FF]*$/u.test(text)) return text;
  throw problem(entry, 'invalid', `has ${field} with characters that HTTP doesn't allow`);
}

/** Gateways that take the key in a header of their own need no apiKey. */
const KEY_HEADERS = new Set(['authorization', 'api-key', 'x-api-key']);

function planApiKey(entry: ProviderEntry, block: JsonObject, headers: ProviderPlan['headers']): Planned {
  const raw = block['apiKey'] ?? null;
  if (raw === null || raw === '') {
    const isKey = (value: Planned) => 'sealed' in value || value.known !== '';
    if (headers.some(([name, value]) => KEY_HEADERS.has(name.toLowerCase()) && isKey(value)))
      return { known: '', isSecret: false };
    throw problem(entry, 'no_key', 'has no apiKey; add one such as "${HAPPY_API_KEY}" and set that variable');
  }
  const accept = (text: string) => keyText(entry, text);
  const value = bareVariable(entry, raw) ?? secretValue(entry, 'apiKey', raw);
  return typeof value === 'string' ? { known: accept(value), isSecret: true } : { sealed: value, accept };
}

function keyText(entry: ProviderEntry, text: string): string {
  const key = text.trim();
  if (key === '') throw problem(entry, 'no_key', 'has an empty apiKey');
  if (/^[\u0021-\u007E]+$/u.test(key)) return key;
  throw problem(entry, 'invalid', "has an apiKey with blanks or characters that HTTP doesn't allow");
}
