/**
 * Forms of a provider entry that would change the call and that this version can't honour: an error names them all,
 * nothing is ignored silently (SPEC G8).
 */
import { isObject, type JsonObject } from '../host/config-file.ts';
import { problem, type ProviderEntry } from './provider-entry.ts';
import { closeTo } from './unknown-keys.ts';

/** @throws ProviderConfigError of kind `unsupported` */
export function refuseUnsupported(entry: ProviderEntry, block: JsonObject): void {
  const forms = Object.entries(block).flatMap(([field, value]) => {
    if (field === '$include') return [];
    if (!Object.hasOwn(FIELDS, field)) return unknownField(field);
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

function unknownField(field: string): string {
  const close = closeTo(field, Object.keys(FIELDS));
  const hint = close === undefined ? '' : ` (did you mean "${close}"?)`;
  return `the field ${JSON.stringify(field.slice(0, 40))}${hint}`;
}

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

/** OpenClaw's file has been freed of them; imgproof's own has none. At any depth. */
function hasInclude(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, '$include') || Object.values(value).some(hasInclude);
}
