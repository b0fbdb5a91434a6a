/** Values that may be variables or SecretRefs (`reference/api.md` 3). */
import { isObject, type JsonObject } from '../host/config-file.ts';
import { problem, type ProviderConfigError, type ProviderEntry } from './provider-entry.ts';

/** A string with variables, or a SecretRef. */
export function secretValue(entry: ProviderEntry, field: string, raw: unknown): string {
  if (isObject(raw)) return requiredVariable(entry, field, secretRefVariable(entry, field, raw));
  if (typeof raw !== 'string')
    throw problem(entry, 'invalid', `has ${field} that is neither a string nor a SecretRef`);
  const { text, missing } = substitute(entry, field, raw);
  if (missing !== undefined) throw unsetVariable(entry, field, missing);
  return text;
}

/** Variable that a SecretRef means. `{source: "env", provider, id}`; other sources are named and refused. */
function secretRefVariable(entry: ProviderEntry, field: string, ref: JsonObject): string {
  const { source, provider, id } = ref;
  if (source === 'file' || source === 'exec' || source === 'store') {
    throw problem(
      entry,
      'unsupported',
      `has ${field} as a SecretRef of source "${source}", which this version does not support; use source "env"`,
    );
  }
  const isStrict = Object.keys(ref).every((key) => ['source', 'provider', 'id'].includes(key));
  const isWellFormed =
    isStrict &&
    source === 'env' &&
    isMatch(provider, /^[a-z][a-z0-9_-]{0,63}$/u) &&
    isMatch(id, /^[A-Z][A-Z0-9_]{0,127}$/u);
  if (!isWellFormed) {
    throw problem(
      entry,
      'invalid',
      `has ${field} that is not a SecretRef; write {source: "env", provider: "default", id: "HAPPY_API_KEY"}`,
    );
  }
  const alias = Object.hasOwn(entry.secretProviders, provider) ? entry.secretProviders[provider] : undefined;
  if (alias === undefined && provider !== 'default')
    throw problem(
      entry,
      'invalid',
      `has ${field} with a secret provider that secrets.providers does not define`,
    );
  const { source: aliasSource, allowlist } = isObject(alias)
    ? alias
    : { source: 'env', allowlist: undefined };
  if (aliasSource !== 'env')
    throw problem(
      entry,
      'invalid',
      `has ${field} of source "env" whose secret provider is of another source`,
    );
  if (Array.isArray(allowlist) && !allowlist.includes(id))
    throw problem(
      entry,
      'no_key',
      `has ${field} with the variable ${id}, which the allowlist of its secret provider does not name`,
    );
  return id;
}

function isMatch(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

/** `${NAME}` becomes the variable's value, `$${NAME}` the text `${NAME}`. `missing`: the first unset or empty variable. */
export function substitute(
  entry: ProviderEntry,
  field: string,
  raw: string,
): { text: string; missing: string | undefined; values: string[] } {
  if (/\$\{(?![A-Z_][A-Z0-9_]*\})/u.test(raw)) {
    throw problem(
      entry,
      'invalid',
      `has ${field} with \${…} around something that is no variable name (capital letters, digits, _)`,
    );
  }
  const values: string[] = [];
  let missing: string | undefined;
  const text = raw.replaceAll(/(\$?)\$\{([A-Z_][A-Z0-9_]*)\}/gu, (_, escape: string, name: string) => {
    if (escape !== '') return `\${${name}}`;
    const value = entry.variable(name);
    if (value === undefined) missing ??= name;
    else values.push(value);
    return value ?? '';
  });
  return { text, missing, values };
}

export function requiredVariable(entry: ProviderEntry, field: string, name: string): string {
  const value = entry.variable(name);
  if (value === undefined) throw unsetVariable(entry, field, name);
  return value;
}

function unsetVariable(entry: ProviderEntry, field: string, name: string): ProviderConfigError {
  return problem(
    entry,
    'no_key',
    `takes ${field} from the variable ${name}, which is not set or empty; set it where the worker runs`,
  );
}
