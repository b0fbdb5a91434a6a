import { join } from 'node:path';
import { FILES } from '../domain/layout.ts';
import type { ResultRecord } from '../domain/records.ts';
import { hasEnded } from '../domain/status.ts';
import type { SpooledAttempt } from './spool.ts';
import { readSpoolJson, SpoolDamaged } from './spool-files.ts';

/**
 * Whether the last words of the task are on disk and tell all that these requests were: each is listed, and each answer as
 * paid. False when they do not say where that would be (entries of an earlier imgproof), or when its folder has gone.
 */
export async function isRecorded(
  generationId: string,
  attempts: readonly SpooledAttempt[],
): Promise<boolean> {
  if (attempts.length === 0) return true;
  const runDir = attempts.findLast(({ intent }) => intent?.run_dir !== undefined)?.intent?.run_dir;
  const result = runDir === undefined ? null : await resultIn(runDir);
  if (result === null || !hasEnded(result.status) || !Array.isArray(result.attempts)) return false;
  const told = result.attempts.filter(({ generation_id }) => generation_id === generationId);
  return attempts.every(({ attempt, answered }) =>
    told.some((record) => record.attempt === attempt && (!answered || record.billing === 'yes')),
  );
}

/** Null when there is none, or none that can be read. */
function resultIn(runDir: string): Promise<ResultRecord | null> {
  return readSpoolJson<ResultRecord>(join(runDir, FILES.result)).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof SpoolDamaged || code === 'ENOTDIR') return null;
    throw error;
  });
}
