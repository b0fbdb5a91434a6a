/**
 * `$include` of OpenClaw's config (`reference/api.md` 3): one file, or a list merged in its order; keys beside it win.
 * Errors say where an include stands, not what it names: a path is shown only of a file that is there.
 */
import { realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  ConfigError,
  type ConfigPlace,
  isInside,
  isObject,
  type JsonObject,
  readJson5,
  readJson5Value,
} from '../host/config-file.ts';

/** Files below each other, the config itself not counted. */
const DEPTH_MAX = 10;
const PATH_CHARACTERS = 4096;

export interface IncludeRules {
  /** Keys at the top of the config that are wanted; includes elsewhere are not followed. */
  keys: readonly string[];
  /** Folders beside that of the config whose files may be included. */
  roots: readonly string[];
}

/** The wanted part of a config without a `$include` in it; null as `readJson5`. @throws ConfigError */
export function readWithIncludes(place: ConfigPlace, { keys, roots }: IncludeRules): JsonObject | null {
  const document = readJson5(place);
  if (document === null) return null;
  const allowed = [dirname(place.path), ...roots].map((folder) => ({ folder, real: realPathOf(folder) }));
  const chain = [realPathOf(place.path) ?? place.path];
  const whole = withoutIncludes(document, { file: place.path, at: '', chain, keys, allowed });
  if (!isObject(whole)) throw new ConfigError(`${place.path} must hold one object with its includes.`);
  return whole;
}

/** Where a value stands. */
interface Scope {
  file: string;
  /** Path within the whole config; empty at its top. */
  at: string;
  /** Real paths of the files that include each other down to here. */
  chain: readonly string[];
  keys: readonly string[];
  allowed: readonly { folder: string; real: string | null }[];
}

function withoutIncludes(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) {
    return value.map((item, i) => withoutIncludes(item, { ...scope, at: `${scope.at}[${i}]` }));
  }
  if (!isObject(value)) return value;
  const { $include: names, ...others } = value;
  const wanted = Object.entries(others).filter(([key]) => scope.at !== '' || scope.keys.includes(key));
  const beside = Object.fromEntries(
    wanted.map(([key, item]) => {
      const at = scope.at === '' ? key : `${scope.at}.${key.slice(0, 60)}`;
      return [key, withoutIncludes(item, { ...scope, at })];
    }),
  );
  if (names === undefined) return beside;
  const included = includedValue(names, scope);
  if (wanted.length === 0) return included;
  if (isObject(included)) return merged(included, beside);
  throw problem(scope, 'has keys beside it, so that what it names must hold an object');
}

function includedValue(names: unknown, scope: Scope): unknown {
  if (!Array.isArray(names)) return included(names, scope, '');
  return names.map((name, i) => included(name, scope, `[${i}]`)).reduce<unknown>(merged, {});
}

function included(name: unknown, scope: Scope, item: string): unknown {
  const { path, real } = allowedFile(name, scope, item);
  const chain = [...scope.chain, real];
  if (scope.chain.includes(real)) throw problem(scope, `includes itself: ${chain.join(' → ')}`, item);
  if (scope.chain.length > DEPTH_MAX) {
    throw problem(
      scope,
      `is the ${DEPTH_MAX + 1}th below each other; at most ${DEPTH_MAX} are followed`,
      item,
    );
  }
  return withoutIncludes(readJson5Value(path), { ...scope, file: path, chain });
}

/** A regular file with one name, inside the allowed folders both as it is written and where its links lead. */
function allowedFile(name: unknown, scope: Scope, item: string): { path: string; real: string } {
  const isPath = typeof name === 'string' && name.trim() !== '' && !name.includes('\0');
  if (!isPath || name.length >= PATH_CHARACTERS) {
    throw problem(scope, 'must be the path of a file, or a list of paths', item);
  }
  const path = resolve(dirname(scope.file), name);
  const isOutside =
    'leads out of the folder of the config; move the file there or name its folder in OPENCLAW_INCLUDE_ROOTS';
  if (!scope.allowed.some(({ folder }) => isInside(path, folder))) throw problem(scope, isOutside, item);
  const real = realPathOf(path);
  if (real === null) throw problem(scope, 'names a file that does not exist or is out of reach', item);
  if (!scope.allowed.some((root) => root.real !== null && isInside(real, root.real))) {
    throw problem(scope, isOutside, item);
  }
  const stats = statSync(real, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) throw problem(scope, 'names something that is not a regular file', item);
  if (stats.nlink > 1) throw problem(scope, 'names a file with a second name (a hard link); copy it', item);
  return { path, real };
}

function realPathOf(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

/** Objects key by key, lists one after the other; of anything else the later one. */
function merged(earlier: unknown, later: unknown): unknown {
  if (Array.isArray(earlier) && Array.isArray(later)) return [...earlier, ...later];
  if (!isObject(earlier) || !isObject(later)) return later;
  const both = Object.entries(later).map(([key, value]) => [
    key,
    Object.hasOwn(earlier, key) ? merged(earlier[key], value) : value,
  ]);
  return { ...earlier, ...Object.fromEntries(both) };
}

function problem({ file, at }: Scope, what: string, item = ''): ConfigError {
  const place = at === '' ? 'at its top' : `in ${at}`;
  return new ConfigError(`${file}: $include${item} ${place} ${what}. Correct it and try again.`);
}
