import { existsSync } from 'node:fs';
import { AttemptFailed } from '../artifacts/call-failures.ts';
import { readReference } from '../artifacts/image-file.ts';
import type { AdmittedTask } from '../domain/task.ts';
import type { ImageCall } from '../provider/image-api.ts';

/** SPEC H3: the bytes sent are read once, and are the bytes that were admitted; else nothing is sent. */
export function readReferences(
  task: Pick<AdmittedTask, 'input_images'>,
  roots: readonly string[] | null,
): Promise<ImageCall['references']> {
  return Promise.all(
    task.input_images.map(async ({ path, sha256 }, i) => {
      const read = await readReference(path, roots).catch((error: unknown) => {
        throw changed((error as Error).message);
      });
      if (read.sha256 !== sha256) throw changed(`${path} was changed after the task was admitted`);
      const extension = read.mime.slice('image/'.length);
      return { bytes: read.bytes, mime: read.mime, filename: `reference-${i + 1}.${extension}` };
    }),
  );
}

/** Their hashes as `verify` will find them: null for one that is gone. */
export function referencesNow(
  task: Pick<AdmittedTask, 'input_images'>,
  roots: readonly string[] | null,
): Promise<{ path: string; sha256: string | null }[]> {
  return Promise.all(
    task.input_images.map(async ({ path }) => {
      const sha256 = await readReference(path, roots).then(
        (read) => read.sha256,
        () => (existsSync(path) ? 'unreadable' : null),
      );
      return { path, sha256 };
    }),
  );
}

function changed(message: string): AttemptFailed {
  return new AttemptFailed({ category: 'input_changed', message });
}
