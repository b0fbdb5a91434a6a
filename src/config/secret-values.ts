/** What may stand where a secret is wanted: text with variables, shorthands, SecretRefs (`reference/api.md` 3). */
import { isObject } from '../host/config-file.ts';
import { problem, type ProviderEntry } from './provider-entry.ts';
import { readSecretRef, type SealedSecret, variableByDefault } from './secret-refs.ts';
import { isBareName, shorthandName, withVariables } from './variables.ts';

/** A string with variables, `"$NAME"` for one variable as a whole, or a SecretRef. */
export function secretValue(entry: ProviderEntry, field: string, raw: unknown): string | SealedSecret {
  if (isObject(raw)) return readSecretRef(entry, field, raw);
  if (typeof raw !== 'string')
    throw problem(entry, 'invalid', `has ${field} that is neither a string nor a SecretRef`);
  const named = shorthandName(raw);
  return named === undefined ? withVariables(entry, field, raw) : variableByDefault(entry, field, named);
}

/** A bare `"NAME"` means a variable only where one of that name is set; undefined: it is an ordinary value. */
export function bareVariable(entry: ProviderEntry, raw: unknown): string | undefined {
  return typeof raw === 'string' && isBareName(raw) ? entry.variable(raw) : undefined;
}
