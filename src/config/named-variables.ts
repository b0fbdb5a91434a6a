/**
 * Which variables the provider config means (SPEC G8): what the shared worker's environment is compared by. Reads the
 * structure only; no SecretRef is opened or run here.
 */
import { ConfigError, given, isObject, type JsonObject } from '../host/config-file.ts';
import { type OpenclawDocument, readOpenclaw } from './openclaw-document.ts';
import { readOwnConfig } from './own-config.ts';
import type { Settings } from './settings.ts';

/**
 * Names, sorted, of the environment variables that the provider entries and secret providers of imgproof's own config
 * and of OpenClaw's name, set or not. A bare `apiKey: "NAME"` counts only where that variable is set: elsewhere it is a
 * key. So two environments may give two lists. A file that can't be read names none: `resolveProvider` tells why.
 */
export function namedVariables(settings: Settings): string[] {
  const isSet = (name: string) => given(settings.env[name]) !== undefined;
  const holders = [readOwnConfig, readOpenclaw].flatMap((read) =>
    unlessBroken(() => holdersIn(read(settings))),
  );
  return [...new Set(holders.flatMap((holder) => variablesIn(holder, '', isSet)))].sort();
}

/** Parts of a config that may name variables and concern a provider. */
function holdersIn({ providers, secrets }: Pick<OpenclawDocument, 'providers' | 'secrets'>): JsonObject[] {
  return [providers, secrets.providers];
}

function unlessBroken(read: () => JsonObject[]): JsonObject[] {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [];
  }
}

type IsSet = (name: string) => boolean;

/** `field`: the key under which the value stands; fields of a header object count as `headers`. */
function variablesIn(value: unknown, field: string, isSet: IsSet): string[] {
  if (typeof value === 'string') return variablesOfText(value, field, isSet);
  if (Array.isArray(value)) return value.flatMap((item) => variablesIn(item, field, isSet));
  if (!isObject(value)) return [];
  const { source, id } = value;
  if (source === 'env' && typeof id === 'string') return VARIABLE.test(id) ? [id] : [];
  return Object.entries(value).flatMap(([key, item]) =>
    variablesIn(item, field === 'headers' ? field : key, isSet),
  );
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/u;

function variablesOfText(text: string, field: string, isSet: IsSet): string[] {
  const substituted = [...text.matchAll(/(\$?)\$\{([A-Z_][A-Z0-9_]*)\}/gu)].flatMap(([, escape, name = '']) =>
    escape === '' ? name : [],
  );
  return [...substituted, ...(WHOLE_TEXT[field]?.(text, isSet) ?? [])];
}

/** Fields whose text as a whole may be the name of a variable. */
const WHOLE_TEXT: Record<string, (text: string, isSet: IsSet) => string[]> = {
  apiKey: (text, isSet) => [...shorthand(text), ...(VARIABLE.test(text) && isSet(text) ? [text] : [])],
  headers: shorthand,
  passEnv: (text) => (VARIABLE.test(text) ? [text] : []),
};

function shorthand(text: string): string[] {
  return /^\$([A-Z_][A-Z0-9_]*)$/u.exec(text)?.slice(1) ?? [];
}
