/** What tests of `verify` ask of a report. */
import type { VerifyReport } from '../../src/proof/verify.ts';

/** Rule ids that do not hold, anywhere in the report. */
export function brokenIds({ items }: VerifyReport): string[] {
  return items.flatMap(({ broken }) => broken.map(({ id }) => id));
}

export function verdicts({ items }: VerifyReport): [string | null, string][] {
  return items.map(({ kind, task, verdict }) => [kind === 'batch' ? 'batch' : task, verdict]);
}
