/**
 * A provider entry as OpenClaw writes it (`models.providers.<key>`), turned into what a call needs (SPEC G8;
 * `reference/api.md` 3). A form that this version can't honour is an error that names it: nothing is ignored silently.
 * No message carries a configured value: any of them may be a key in the wrong place.
 */

import { isObject, type JsonObject } from '../host/config-file.ts';
import { problem, type ProviderConfig, type ProviderEntry } from './provider-entry.ts';
import { requiredVariable, secretValue, substitute } from './secret-values.ts';

/** @throws ProviderConfigError */
export function readProviderEntry(entry: ProviderEntry): ProviderConfig {
  const { block } = entry;
  if (!isObject(block)) throw problem(entry, 'invalid', 'is not an object; it needs baseUrl and apiKey');
  refuseUnsupported(entry, block);
  const secrets = new Set<string>();
  const baseUrl = baseUrlOf(entry, block, secrets);
  const headers = headersOf(entry, block, secrets);
  const apiKey = apiKeyOf(entry, block, headers);
  if (apiKey !== '') secrets.add(apiKey);
  return { name: entry.name, baseUrl, apiKey, headers, secrets: [...secrets] };
}

/** True when `$include` stands in it, at any depth: then the file isn't complete without another one. */
export function hasInclude(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '$include') || Object.values(value).some(hasInclude);
}

// --- forms that change the call and aren't supported ----------------------------------------------------------------

/** Every field of an entry; the check says what about a value is not supported, null when nothing is. */
const FIELDS: Record<string, (value: unknown, entry: ProviderEntry) => string | null> = {
  baseUrl: () => null,
  apiKey: () => null,
  headers: () => null,
  auth: (value) => (value === 'api-key' ? null : 'auth other than "api-key"'),
  api: (value) =>
    OPENAI_APIS.has(value) ? null : 'an api other than "openai-completions" or "openai-responses"',
  // True is what is done anyway: the key goes out as bearer token.
  authHeader: (value) => (typeof value === 'boolean' ? null : 'an authHeader that is not true or false'),
  // About OpenClaw's own calls; here each task has its `timeout_ms`.
  timeoutSeconds: () => null,
  maxTokens: () => null,
  request: (value) => nestedForms('request', value, new Set(['allowPrivateNetwork'])),
  models: modelForms,
  region: (value) => (isUnset(value) ? null : 'region'),
  params: (value) => (isUnset(value) ? null : 'params'),
  localService: (value) => (isUnset(value) ? null : 'localService'),
};

const OPENAI_APIS = new Set<unknown>(['openai-completions', 'openai-responses']);

function refuseUnsupported(entry: ProviderEntry, block: JsonObject): void {
  const forms = Object.entries(block).flatMap(([field, value]) => {
    if (field === '$include') return [];
    if (!Object.hasOwn(FIELDS, field)) return `the field ${JSON.stringify(field.slice(0, 40))}`;
    return FIELDS[field]?.(value, entry) ?? [];
  });
  if (hasInclude(block)) forms.push('$include');
  if (forms.length > 0) {
    throw problem(
      entry,
      'unsupported',
      `uses ${forms.join(', ')}: not supported by this version, and ignoring it would change the call`,
    );
  }
}

function nestedForms(field: string, value: unknown, harmless: ReadonlySet<string>): string | null {
  if (isUnset(value)) return null;
  if (!isObject(value)) return field;
  const names = Object.keys(value).filter((name) => !harmless.has(name) && !isUnset(value[name]));
  return names.length === 0 ? null : names.map((name) => `${field}.${name}`).join(', ');
}

/** Facts about a model that OpenClaw keeps for its own use. */
const MODEL_FACTS = new Set([
  'id',
  'name',
  'input',
  'output',
  'cost',
  'reasoning',
  'contextWindow',
  'contextTokens',
  'maxTokens',
  'compat',
  'api',
]);

function modelForms(value: unknown, { model }: ProviderEntry): string | null {
  if (!Array.isArray(value)) return null;
  const own: unknown = value.find((entry: unknown) => isObject(entry) && entry['id'] === model);
  return own === undefined ? null : nestedForms('models[]', own, MODEL_FACTS);
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0);
}

// --- baseUrl, headers, key ------------------------------------------------------------------------------------------

function baseUrlOf(entry: ProviderEntry, block: JsonObject, secrets: Set<string>): string {
  const raw = block['baseUrl'];
  if (typeof raw !== 'string' || raw.trim() === '')
    throw problem(entry, 'invalid', 'has no baseUrl; add one such as "https://host/v1"');
  const { text, missing, values } = substitute(entry, 'baseUrl', raw.trim());
  if (missing !== undefined)
    throw problem(entry, 'invalid', `has a baseUrl whose variable ${missing} is not set or empty`);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null)
    throw problem(entry, 'invalid', 'has a baseUrl that is not a URL; write it like "https://host/v1"');
  if (url.username !== '' || url.password !== '')
    throw problem(entry, 'invalid', 'has a baseUrl with user name or password in it; use apiKey or headers');
  if (url.hash !== '')
    throw problem(entry, 'invalid', 'has a baseUrl with a # part, which is never sent; remove it');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
    throw problem(
      entry,
      'invalid',
      'has a baseUrl that is neither https nor http on this machine (127.0.0.1, ::1, localhost): the key would travel unprotected',
    );
  }
  const beyondHost = `${url.pathname}${url.search}`;
  for (const value of values)
    if (value.length >= 8 && !value.includes('://') && beyondHost.includes(value)) secrets.add(value);
  return text.replace(/\/+$/u, '');
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/u.test(hostname);
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

function headersOf(entry: ProviderEntry, block: JsonObject, secrets: Set<string>): Record<string, string> {
  const configured = block['headers'] ?? {};
  if (!isObject(configured)) throw problem(entry, 'invalid', 'has headers that are not an object');
  const headers = Object.entries(configured).map(([name, raw]): [string, string] => {
    const field = `headers[${JSON.stringify(name.slice(0, 60))}]`;
    if (!/^[!#$%&'*+.^_`|~\w-]+$/u.test(name))
      throw problem(entry, 'invalid', `has ${field}, which is not a header name`);
    if (RESERVED_HEADERS.has(name.toLowerCase()))
      throw problem(entry, 'invalid', `sets ${field}, which belongs to the request itself`);
    const value = secretValue(entry, field, raw);
    if (!/^[\t\u0020-\u007E\u0080-\u00FF]*$/u.test(value))
      throw problem(entry, 'invalid', `has ${field} with characters that HTTP doesn't allow`);
    const isSecret = typeof raw !== 'string' || raw !== value || SECRET_HEADER.test(name);
    if (isSecret && value !== '')
      for (const secret of [value, value.replace(/^\w+ +/u, '')]) secrets.add(secret);
    return [name, value];
  });
  return Object.fromEntries(headers);
}

/** Gateways that take the key in a header of their own need no apiKey. */
const KEY_HEADERS = new Set(['authorization', 'api-key', 'x-api-key']);

function apiKeyOf(entry: ProviderEntry, block: JsonObject, headers: Record<string, string>): string {
  const raw = block['apiKey'] ?? null;
  const hasKeyHeader = Object.entries(headers).some(
    ([name, value]) => KEY_HEADERS.has(name.toLowerCase()) && value !== '',
  );
  if (raw === null || raw === '') {
    if (hasKeyHeader) return '';
    throw problem(entry, 'no_key', 'has no apiKey; add one such as "${HAPPY_API_KEY}" and set that variable');
  }
  const key = (
    typeof raw === 'string' ? shorthandValue(entry, raw) : secretValue(entry, 'apiKey', raw)
  ).trim();
  if (key === '') throw problem(entry, 'no_key', 'has an empty apiKey');
  if (!/^[\u0021-\u007E]+$/u.test(key))
    throw problem(entry, 'invalid', "has an apiKey with blanks or characters that HTTP doesn't allow");
  return key;
}

/** `"$NAME"`, and a bare `"NAME"` of a variable that is set, mean the variable; anything else is an ordinary string. */
function shorthandValue(entry: ProviderEntry, raw: string): string {
  const named = /^\$([A-Z_][A-Z0-9_]*)$/u.exec(raw)?.[1];
  if (named !== undefined) return requiredVariable(entry, 'apiKey', named);
  const marked = /^[A-Z][A-Z0-9_]{2,127}$/u.test(raw) ? entry.variable(raw) : undefined;
  return marked ?? secretValue(entry, 'apiKey', raw);
}
