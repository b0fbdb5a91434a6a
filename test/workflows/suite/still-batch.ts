/** A batch that stands still: paused, with nothing under way. */
import type { WorkflowHandle } from '@temporalio/client';
import type { BatchProgress } from '../../../src/domain/messages.ts';
import type { imageBatch } from '../../../src/workflows/index.ts';
import { until } from '../../support/cli.ts';

export type Batch = WorkflowHandle<typeof imageBatch>;

export const progress = (batch: Batch) => batch.query<BatchProgress>('progress');

export async function untilStill(batch: Batch): Promise<BatchProgress> {
  let last: BatchProgress | undefined;
  await until('it to stand still', async () => {
    last = await progress(batch);
    return last.paused !== null && last.idle;
  });
  return last as BatchProgress;
}
