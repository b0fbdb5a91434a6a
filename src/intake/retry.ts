import { isAbsolute } from 'node:path';
import * as z from 'zod';
import type { RetryRequest } from '../domain/batch.ts';
import { schemaProblems } from './issues.ts';
import type { Problem } from './problems.ts';

const retryRequestSchema = z.strictObject({
  retry: z.strictObject({
    batch_dir: z.string().refine((path) => isAbsolute(path), 'is not an absolute path'),
    failed: z.boolean().exactOptional(),
    timed_out: z.boolean().exactOptional(),
    tasks: z.array(z.string()).exactOptional(),
  }),
}) satisfies z.ZodType<RetryRequest>;

/** Whoever writes `retry` means to take a batch up again, whatever else is wrong with it. */
export function isRetry(input: unknown): boolean {
  return typeof input === 'object' && input !== null && 'retry' in input;
}

export function retryProblems(input: unknown): Problem[] {
  return schemaProblems(retryRequestSchema, input, 'batch');
}
