/** Whether this worker can decode an image, known before money is spent (SPEC G9). */
import { AttemptFailed } from '../artifacts/call-failures.ts';
import { decoderProblem } from '../artifacts/image-file.ts';
import type { ActivityDeps } from './deps.ts';

/** The request waits for a worker that can, or for this one to be mended. */
const COME_BACK_MS = 60_000;

/** Workers of this process whose decoder was tried and works. */
const proven = new WeakSet<ActivityDeps>();

/** @throws AttemptFailed `environment`, retryable, when what is bought could not be judged here */
export async function refuseWithoutDecoder(worker: ActivityDeps): Promise<void> {
  if (proven.has(worker)) return;
  const problem = await decoderProblem();
  if (problem === null) {
    proven.add(worker);
    return;
  }
  const remedy = 'install imgproof and its packages anew on this host (npm ci) and start the worker again';
  const message = `this worker can't decode images (${problem}); nothing was sent: ${remedy}`;
  throw new AttemptFailed({ category: 'environment', message }, { delayMs: COME_BACK_MS });
}
