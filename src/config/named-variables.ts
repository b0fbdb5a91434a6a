/**
 * Which variables the provider config means (SPEC G8): what the shared worker's environment is compared by. Reads the
 * structure only; no SecretRef is opened or run here.
 */
import { ConfigError, given, isObject, type JsonObject } from '../host/config-file.ts';
import { type OpenclawDocument, readOpenclaw } from './openclaw-document.ts';
import { readOwnConfig } from './own-config.ts';
import type { Settings } from './settings.ts';
import { isBareName, shorthandName, substitutedNames } from './variables.ts';

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

/** `field`: the key under which the value stands; what stands in headers counts as `headers`. */
function variablesIn(value: unknown, field: string, isSet: IsSet): string[] {
  if (typeof value === 'string')
    return [...substitutedNames(value), ...(WHOLE_TEXT.get(field)?.(value, isSet) ?? [])];
  if (Array.isArray(value)) return value.flatMap((item) => variablesIn(item, field, isSet));
  if (!isObject(value)) return [];
  const { source, id } = value;
  if (source === 'env' && typeof id === 'string') return nameOnly(id);
  return Object.entries(value).flatMap(([key, item]) =>
    variablesIn(item, field === 'headers' ? field : key, isSet),
  );
}

/** Fields whose text as a whole may be the name of a variable. */
const WHOLE_TEXT = new Map<string, (text: string, isSet: IsSet) => string[]>([
  ['apiKey', (text, isSet) => [...shorthand(text), ...(isBareName(text) && isSet(text) ? [text] : [])]],
  ['headers', shorthand],
  ['passEnv', nameOnly],
]);

function shorthand(text: string): string[] {
  const name = shorthandName(text);
  return name === undefined ? [] : [name];
}

function nameOnly(text: string): string[] {
  return /^[A-Za-z_][A-Za-z0-9_]*$/u.test(text) ? [text] : [];
}
