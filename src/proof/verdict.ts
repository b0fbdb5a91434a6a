/** What `verify` says of each thing it looked at (SPEC P2). */
import type { BrokenRule } from '../domain/acceptance.ts';
import { SCHEMA_VERSION } from '../domain/records.ts';
import type { TaskStatus } from '../domain/status.ts';
import {
  EVIDENCE_STATES,
  type EvidenceState,
  type Level,
  type StrongerEvidence,
} from '../domain/stronger-evidence.ts';
import { NO_EVIDENCE } from './context.ts';

/** `proven` alone is good. */
const VERDICTS = [
  'proven',
  /** At least one rule does not hold. */
  'broken',
  /** The task ended without an image: failed, timed out, cancelled, rejected, skipped. */
  'not completed',
  /** Queued, running, or ended from outside before its last words. */
  'unfinished',
  /** A record is there and can't be used. */
  'unreadable',
  /** Nothing is there that could prove anything. */
  'no proof',
] as const;
type Verdict = (typeof VERDICTS)[number];

export interface VerifyItem {
  /** `result`: one image with its proof. `task`: one without a result. `batch`: its records as a whole. `path`: anything else. */
  kind: 'result' | 'task' | 'batch' | 'path';
  path: string;
  /** Name of the task, or of the batch. */
  task: string | null;
  /** The image file that was looked at. */
  image: string | null;
  status: TaskStatus | null;
  ok: boolean;
  verdict: Verdict;
  broken: BrokenRule[];
  /** What speaks for it beyond the rules (SPEC P3); null where there is nothing to look at. */
  evidence: StrongerEvidence;
  /** One line for people; may hold text from the files, so escape it. */
  note: string | null;
}

export interface VerifyReport {
  schema_version: number;
  ok: boolean;
  items: VerifyItem[];
  totals: VerifyTotals;
}

/** `checked` images and tasks by verdict; batches are counted on their own. */
export interface VerifyTotals {
  checked: number;
  batches: number;
  batches_not_ok: number;
  verdicts: Record<Verdict, number>;
  /** Images by what speaks for them beyond the rules (SPEC P3). */
  evidence: Record<Level, Record<EvidenceState, number>>;
}

export function item(
  fields: Pick<VerifyItem, 'kind' | 'path' | 'verdict'> & Partial<VerifyItem>,
): VerifyItem {
  const ok = fields.verdict === 'proven';
  return {
    task: null,
    image: null,
    status: null,
    broken: [],
    evidence: NO_EVIDENCE,
    note: null,
    ...fields,
    ok,
  };
}

/** Nothing looked at is a failure too: never ok by omission. */
export function verifyReport(items: VerifyItem[]): VerifyReport {
  const batches = items.filter(({ kind }) => kind === 'batch');
  const checked = items.filter(({ kind }) => kind !== 'batch');
  const count = (verdict: Verdict) => checked.filter((one) => one.verdict === verdict).length;
  return {
    schema_version: SCHEMA_VERSION,
    ok: items.length > 0 && items.every(({ ok }) => ok),
    items,
    totals: {
      checked: checked.length,
      batches: batches.length,
      batches_not_ok: batches.filter(({ ok }) => !ok).length,
      verdicts: Object.fromEntries(VERDICTS.map((verdict) => [verdict, count(verdict)])) as Record<
        Verdict,
        number
      >,
      evidence: { c2pa: countStates(checked, 'c2pa'), signature: countStates(checked, 'signature') },
    },
  };
}

function countStates(items: readonly VerifyItem[], level: Level): Record<EvidenceState, number> {
  const found = items.flatMap(({ evidence }) => evidence[level]?.state ?? []);
  const count = (state: EvidenceState) => found.filter((one) => one === state).length;
  return Object.fromEntries(EVIDENCE_STATES.map((state) => [state, count(state)])) as Record<
    EvidenceState,
    number
  >;
}
