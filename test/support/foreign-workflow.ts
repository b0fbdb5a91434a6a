/** Somebody else's workflow code, on a task queue of its own, that has an image made as a step of its work. */
import { executeChild } from '@temporalio/workflow';

export async function foreignParent(request: unknown): Promise<unknown> {
  return executeChild('imageTask', { taskQueue: 'imgproof', args: [request] });
}
