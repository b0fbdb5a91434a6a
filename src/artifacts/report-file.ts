import { replaceProjection } from '../host/durable-file.ts';

/** A page that can be made again: whole, not synced. */
export async function replaceReport(path: string, content: string): Promise<void> {
  await replaceProjection(path, content);
}
