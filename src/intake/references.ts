/** Reference images and folders as absolute paths (SPEC G2, H3). Nothing is looked up on disk here. */
import { homedir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { TASK_LIMITS, type TaskRequest } from '../domain/task.ts';
import { type Problem, shown } from './problems.ts';

/** SPEC G2: combined in this order. */
export const REFERENCE_FIELDS = [
  'input_image',
  'image',
  'reference_image',
  'input_images',
  'images',
] as const satisfies (keyof TaskRequest)[];

/** A reference field as it was written, and where. */
export interface ReferenceSource {
  path: Problem['path'];
  value: string | string[];
  /** True for `input_images` and `images`, whose string may hold several paths. */
  isList: boolean;
  baseDir: string | null;
}

export interface ResolvedReferences {
  /** Absolute, in order, each once; no more than a task may have. */
  images: string[];
  problems: Problem[];
}

/** A task as it was written, its paths absolute as far as they can be told: for whoever reads it elsewhere. */
export function withAbsolutePaths(task: object, baseDir: string): object {
  const fields = Object.entries(task).map(([field, value]) => [field, absoluteValue(field, value, baseDir)]);
  return Object.fromEntries(fields) as object;
}

function absoluteValue(field: string, value: unknown, baseDir: string): unknown {
  const absolute = (text: unknown) => {
    const place = typeof text === 'string' ? resolvePath(text, baseDir) : { message: '' };
    return 'absolute' in place ? place.absolute : text;
  };
  if (field !== 'output_dir' && !REFERENCE_FIELDS.some((known) => known === field)) return value;
  if (Array.isArray(value)) return value.map(absolute);
  const isList = field === 'input_images' || field === 'images';
  if (typeof value !== 'string' || !isList) return absolute(value);
  const paths = pathsOf({ path: [], value, isList, baseDir });
  return typeof paths === 'string' ? value : paths.map(({ text }) => absolute(text));
}

export function resolveReferences(sources: readonly ReferenceSource[]): ResolvedReferences {
  const images = new Set<string>();
  const problems: Problem[] = [];
  for (const source of sources) {
    const written = pathsOf(source);
    if (typeof written === 'string') {
      problems.push({ path: source.path, message: written });
      continue;
    }
    for (const { text, path } of written) {
      const place = resolvePath(text, source.baseDir);
      if ('message' in place) problems.push({ path, message: place.message });
      else images.add(place.absolute);
    }
  }
  const last = sources.at(-1);
  if (last !== undefined && images.size > TASK_LIMITS.references) {
    problems.push({
      path: last.path,
      message: `${images.size} reference images; at most ${TASK_LIMITS.references}`,
    });
  }
  return { images: [...images].slice(0, TASK_LIMITS.references), problems };
}

/**
 * `baseDir` null: there is no folder that relative paths could mean (SPEC H3), and no user whose `~` it could be.
 */
export function resolvePath(
  text: string,
  baseDir: string | null,
): { absolute: string } | { message: string } {
  if (/\p{Cc}/u.test(text)) return { message: 'the path contains a control character' };
  if (/^(?:[a-z][a-z0-9+.-]*:\/\/|data:)/iu.test(text))
    return { message: `${shown(text)} is a URL; give the path of a file` };
  if (baseDir === null) {
    return isAbsolute(text)
      ? { absolute: resolve(text) }
      : {
          message: `${shown(text)} is a relative path; paths are the worker’s, and only absolute ones mean something there`,
        };
  }
  const expanded = text === '~' || text.startsWith('~/') ? homedir() + text.slice(1) : text;
  return { absolute: resolve(baseDir, expanded) };
}

/** The paths in one field, or what is wrong with it. */
function pathsOf({
  value,
  path,
  isList,
}: ReferenceSource): { text: string; path: Problem['path'] }[] | string {
  if (Array.isArray(value)) return value.map((text, i) => ({ text, path: [...path, i] }));
  const texts = !isList ? [value] : value.trimStart().startsWith('[') ? jsonList(value) : commaList(value);
  return typeof texts === 'string' ? texts : texts.map((text) => ({ text, path }));
}

function commaList(value: string): string[] | string {
  const texts = value.split(',').map((text) => text.trim());
  return texts.includes('') ? `an empty path in ${shown(value)}` : texts;
}

function jsonList(value: string): string[] | string {
  const trouble = `${shown(value)} is not a JSON array of paths`;
  try {
    const list: unknown = JSON.parse(value);
    const isPaths =
      Array.isArray(list) &&
      list.every((text) => typeof text === 'string' && text.trim() !== '' && !/\p{Cs}/u.test(text));
    return isPaths ? (list as string[]) : trouble;
  } catch {
    return trouble;
  }
}
