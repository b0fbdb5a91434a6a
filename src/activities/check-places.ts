import { realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { ApplicationFailure } from '@temporalio/activity';
import { folderProblem } from '../artifacts/folder-probe.ts';
import { readReference } from '../artifacts/image-file.ts';
import { FAILURE_TYPES } from '../domain/failure.ts';
import type { InputImage, NormalizedTask } from '../domain/task.ts';
import type { ActivityDeps } from './deps.ts';
import type { Problem } from '../intake/problems.ts';

export interface References {
  problems: Problem[];
  /** The reference as it is now; only for paths without a problem. */
  of: (path: string) => InputImage;
  /** Those of a task that can be read. */
  readable: (paths: readonly string[]) => InputImage[];
}

/** Read every reference once, however many tasks name it (SPEC H3: its hash is what will be sent, or nothing is). */
export async function hashReferences(
  tasks: readonly Pick<NormalizedTask, 'input_images'>[],
  roots: readonly string[] | null,
): Promise<References> {
  const found = new Map<string, InputImage | string>();
  const problems: Problem[] = [];
  for (const [i, task] of tasks.entries()) {
    for (const path of task.input_images) {
      const image = found.get(path) ?? (await inspect(path, roots));
      found.set(path, image);
      if (typeof image === 'string') {
        problems.push({
          path: tasks.length === 1 ? ['input_images'] : ['tasks', i, 'input_images'],
          message: image,
        });
      }
    }
  }
  return {
    problems,
    of: (path) => found.get(path) as InputImage,
    readable: (paths) => paths.map((path) => found.get(path)).filter((image) => typeof image === 'object'),
  };
}

async function inspect(path: string, roots: readonly string[] | null): Promise<InputImage | string> {
  try {
    const { bytes, sha256, mime } = await readReference(path, roots);
    return { path, sha256, bytes: bytes.length, mime };
  } catch (error) {
    return (error as Error).message;
  }
}

/** @throws ApplicationFailure when images and proofs can't go there */
export async function checkWritable(deps: ActivityDeps, folders: string[]): Promise<void> {
  const problem = await checkPlaces(folders, deps.outputRoots());
  if (problem !== null) throw ApplicationFailure.nonRetryable(problem, FAILURE_TYPES.environment);
}

/** Why one of the folders can't take files, or null. They are made, so that nothing is paid for that can't be kept. */
async function checkPlaces(
  folders: readonly string[],
  roots: readonly string[] | null,
): Promise<string | null> {
  // Files in it are named by `join`, which takes dots out by the text alone: what is judged must be that place.
  for (const folder of new Set(folders.map((wanted) => resolve(wanted)))) {
    const problem = (await outside(folder, roots)) ?? (await folderProblem(folder));
    if (problem !== null) return problem;
  }
  return null;
}

async function outside(folder: string, roots: readonly string[] | null): Promise<string | null> {
  if (roots === null) return null;
  const real = await realpathOfExisting(folder);
  const realRoots = await Promise.all(roots.map(realpathOfExisting));
  const inside = realRoots.some((root) => {
    const way = relative(root, real);
    return way === '' || (!way.startsWith('..') && !isAbsolute(way));
  });
  return inside
    ? null
    : `${folder} is outside of the allowed output folders (${roots.join(', ')}); see outputRoots in the config`;
}

async function realpathOfExisting(path: string): Promise<string> {
  return realpath(path).catch(async () => {
    const parent = dirname(path);
    return parent === path ? path : join(await realpathOfExisting(parent), path.slice(parent.length));
  });
}
