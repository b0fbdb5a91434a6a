/** A call that Temporal did not answer, or not as wished, in the middle of a command (SPEC C3). */
import { isServerGone } from '../client.ts';
import { grpcErrorIn, refusedCall } from '../temporal/server-problem.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';

/** Null for any other error. */
export function serverTrouble(error: unknown): CommandProblem | null {
  const refusal = refusedCall(error);
  if (refusal !== null) return new CommandProblem(EXIT.environment, refusal.message);
  if (!isServerGone(error)) return null;
  const reason = grpcErrorIn(error)?.details ?? 'no reason given';
  return new CommandProblem(
    EXIT.environment,
    `the Temporal server does not answer any more: ${reason}. What it has recorded stays; run the same command again.`,
  );
}
