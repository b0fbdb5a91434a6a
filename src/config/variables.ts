/** Variables in config values (`reference/api.md` 3). */
import { isObject } from '../host/config-file.ts';
import { problem, type ProviderConfigError, type ProviderEntry } from './provider-entry.ts';

const SUBSTITUTION = /(\$?)\$\{([A-Z_][A-Z0-9_]*)\}/gu;
const SHORTHAND = /^\$([A-Z_][A-Z0-9_]*)$/u;
const BARE = /^[A-Z][A-Z0-9_]{2,127}$/u;

/** Names in `${NAME}`, not in `$${NAME}`. */
export function substitutedNames(text: string): string[] {
  return [...text.matchAll(SUBSTITUTION)].flatMap(([, escape, name = '']) => (escape === '' ? name : []));
}

/** The one variable that a secret field means by `"$NAME"` as its whole text. */
export function shorthandName(text: string): string | undefined {
  return SHORTHAND.exec(text)?.[1];
}

/** True where an `apiKey` could mean a variable by its bare name: it does when one of that name is set. */
export function isBareName(text: string): boolean {
  return BARE.test(text);
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
  const text = raw.replaceAll(SUBSTITUTION, (_, escape: string, name: string) => {
    if (escape !== '') return `\${${name}}`;
    const value = entry.variable(name);
    if (value === undefined) missing ??= name;
    else values.push(value);
    return value ?? '';
  });
  return { text, missing, values };
}

/** A text whose variables all have to be there. */
export function withVariables(entry: ProviderEntry, field: string, raw: string): string {
  const { text, missing } = substitute(entry, field, raw);
  if (missing !== undefined) throw unsetVariable(entry, field, missing);
  return text;
}

/** The same for every string in a value, at any depth. */
export function withVariablesIn(entry: ProviderEntry, field: string, value: unknown): unknown {
  if (typeof value === 'string') return withVariables(entry, field, value);
  if (Array.isArray(value)) return value.map((item, i) => withVariablesIn(entry, `${field}[${i}]`, item));
  if (!isObject(value)) return value;
  const items = Object.entries(value).map(([key, item]) => [
    key,
    withVariablesIn(entry, `${field}.${key.slice(0, 60)}`, item),
  ]);
  return Object.fromEntries(items);
}

export function requiredVariable(entry: ProviderEntry, field: string, name: string): string {
  const value = entry.variable(name);
  if (value === undefined) throw unsetVariable(entry, field, name);
  return value;
}

function unsetVariable(entry: ProviderEntry, field: string, name: string): ProviderConfigError {
  const unasked =
    entry.unaskedVariables === null ? '' : ` (${entry.unaskedVariables} is not supported by this version)`;
  return problem(
    entry,
    'no_key',
    `takes ${field} from the variable ${name}, which is not set or empty; set it where the worker runs${unasked}`,
  );
}
