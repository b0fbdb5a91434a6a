/** What signs of life prove of the Temporal attempts that gave them, wherever they ran (SPEC R4). Pure. */
import type { AttemptHeartbeat } from '../domain/messages.ts';

interface ThisAttempt {
  generationId: string;
  temporalAttempt: number;
}

/**
 * Earlier Temporal attempts that may have sent a request. `told`: the last sign of life before this attempt. What gave none
 * after it may have sent something; the one that gave it has proven that it did not when that was its last word.
 */
export function mayHaveSent(
  told: Partial<AttemptHeartbeat> | undefined,
  { generationId, temporalAttempt }: ThisAttempt,
): number[] {
  const last = told?.generation_id === generationId ? (told.temporal_attempt ?? 0) : 0;
  if (last >= temporalAttempt) return range(1, temporalAttempt - 1);
  const known = told?.may_have_sent ?? range(1, told?.sent === false && isLastWord(told) ? last - 1 : last);
  return [...(last === 0 ? [] : known), ...range(last + 1, temporalAttempt - 1)];
}

/** Temporal made this attempt after the wait that the one before it had asked for with its last word. */
export function isWaitedOut(told: Partial<AttemptHeartbeat> | undefined, temporalAttempt: number): boolean {
  return told?.temporal_attempt === temporalAttempt - 1 && isLastWord(told);
}

/** An attempt that ended in good order: nothing of it is under way any more. */
function isLastWord({ waiting_for }: Partial<AttemptHeartbeat>): boolean {
  return waiting_for === 'the next attempt';
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
