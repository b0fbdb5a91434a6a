/** SecretRefs `{source, provider, id}` (`reference/api.md` 3): a variable's value, or what only the worker may open. */
import { isObject, type JsonObject } from '../host/config-file.ts';
import { problem, type ProviderEntry } from './provider-entry.ts';
import {
  type CommandProvider,
  type EnvProvider,
  type FileProvider,
  readSecretProvider,
  type SecretProvider,
  type SecretSource,
} from './secret-providers.ts';
import { requiredVariable } from './variables.ts';

/** A secret in a file or behind a command, with everything needed to get it. */
export interface SealedSecret {
  /** Field of the provider entry that wants it. */
  field: string;
  /** Name of its secret provider. */
  alias: string;
  id: string;
  from: FileProvider | CommandProvider;
}

interface SecretRef {
  source: SecretSource;
  alias: string;
  id: string;
}

/** @throws ProviderConfigError, of kind `unsupported` for the source `store` */
export function readSecretRef(entry: ProviderEntry, field: string, raw: JsonObject): string | SealedSecret {
  const ref = parseRef(entry, field, raw);
  const from = providerOf(entry, field, ref);
  switch (from.source) {
    case 'env':
      return allowedVariable(entry, field, ref.id, from);
    case 'file':
      refuseOtherId(entry, field, ref.id, from);
      return { field, alias: ref.alias, id: ref.id, from };
    case 'exec':
      return { field, alias: ref.alias, id: ref.id, from };
  }
}

/** A variable named by `"$NAME"`: as a SecretRef of the source `env` that names no provider. */
export function variableByDefault(entry: ProviderEntry, field: string, name: string): string {
  const ref = { source: 'env' as const, alias: defaultAlias(entry, 'env'), id: name };
  const from = providerOf(entry, field, ref);
  return allowedVariable(entry, field, name, from.source === 'env' ? from : { source: 'env' });
}

// --- form ----------------------------------------------------------------------------------------------------------

const ALIAS = /^[a-z][a-z0-9_-]{0,63}$/u;
const VARIABLE_ID = /^[A-Z][A-Z0-9_]{0,127}$/u;

/** What an id of each source looks like, and an example for people. */
const REF_FORMS: Record<SecretSource, { id: RegExp; example: string }> = {
  env: { id: VARIABLE_ID, example: '{source: "env", provider: "default", id: "HAPPY_API_KEY"}' },
  // `value`, or a JSON pointer (RFC 6901) that is not empty.
  file: {
    id: /^(?:value|(?:\/(?:[^~/]|~[01])*)+)$/u,
    example: '{source: "file", provider: "keys", id: "/happy/apiKey"}',
  },
  // No part of it may be `.` or `..`.
  exec: {
    id: /^(?!(?:.*\/)?\.{1,2}(?:\/|$))[A-Za-z0-9][A-Za-z0-9._:/#-]{0,255}$/u,
    example: '{source: "exec", provider: "vault", id: "happy/apiKey"}',
  },
  store: { id: VARIABLE_ID, example: '' },
};

function parseRef(entry: ProviderEntry, field: string, raw: JsonObject): SecretRef {
  const { source, id } = raw;
  const form = isSource(source) ? REF_FORMS[source] : REF_FORMS.env;
  if (source === 'store') {
    throw problem(
      entry,
      'unsupported',
      `has ${field} as a SecretRef of source "store", which this version does not support; use source "env", "file" or "exec"`,
    );
  }
  const provider = raw['provider'] ?? (isSource(source) ? defaultAlias(entry, source) : undefined);
  const isStrict = Object.keys(raw).every((key) => ['source', 'provider', 'id'].includes(key));
  if (isStrict && isSource(source) && isMatch(provider, ALIAS) && isMatch(id, form.id))
    return { source, alias: provider, id };
  throw problem(entry, 'invalid', `has ${field} that is not a SecretRef; write it like ${form.example}`);
}

function isSource(source: unknown): source is SecretSource {
  return typeof source === 'string' && Object.hasOwn(REF_FORMS, source);
}

function isMatch(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}

function refuseOtherId(entry: ProviderEntry, field: string, id: string, { mode }: FileProvider): void {
  if ((mode === 'singleValue') === (id === 'value')) return;
  const fitting = mode === 'singleValue' ? 'is "value"' : 'is a JSON pointer such as "/happy/apiKey"';
  throw problem(
    entry,
    'invalid',
    `has ${field} with an id that does not fit: in a file of mode "${mode}" it ${fitting}`,
  );
}

// --- provider ------------------------------------------------------------------------------------------------------

/** `secrets.defaults.<source>`, else `default`. */
function defaultAlias(entry: ProviderEntry, source: SecretSource): string {
  const alias = Object.hasOwn(entry.secrets.defaults, source) ? entry.secrets.defaults[source] : 'default';
  if (isMatch(alias, ALIAS)) return alias;
  throw problem(
    entry,
    'invalid',
    `needs secrets.defaults.${source}, which is not the name of a secret provider`,
  );
}

function providerOf(entry: ProviderEntry, field: string, { source, alias }: SecretRef): SecretProvider {
  const { providers } = entry.secrets;
  const block = Object.hasOwn(providers, alias) ? providers[alias] : undefined;
  if (isObject(block) && block['source'] === source) return readSecretProvider(entry, alias, source, block);
  // Variables need no provider: the default alias means them all.
  if (source === 'env' && alias === defaultAlias(entry, 'env')) return { source: 'env' };
  throw problem(
    entry,
    'invalid',
    block === undefined
      ? `has ${field} with a secret provider that secrets.providers does not define`
      : `has ${field} of source "${source}" whose secret provider is of another source`,
  );
}

function allowedVariable(
  entry: ProviderEntry,
  field: string,
  name: string,
  { allowlist }: EnvProvider,
): string {
  if (allowlist === undefined || allowlist.includes(name)) return requiredVariable(entry, field, name);
  throw problem(
    entry,
    'no_key',
    `has ${field} with the variable ${name}, which the allowlist of its secret provider does not name`,
  );
}
