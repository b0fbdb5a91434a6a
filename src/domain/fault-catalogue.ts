/**
 * Every way a paid call is known to go wrong, as data: the classification reads its signs here (`provider/errors.ts`,
 * `provider/transport-error.ts`), the tests provoke each case (`test/faults`), and `docs/faults.md` is printed from it.
 * What a category means — repeated or not, billing, status — is said once, in `failure.ts`. SPEC R2, R4, G9.
 */
import type { FailureCategory, Phase } from './failure.ts';
import { CONTENT_FAULTS } from './faults-content.ts';
import { HOST_FAULTS } from './faults-host.ts';
import { STATUS_FAULTS } from './faults-status.ts';
import { UNANSWERED_FAULTS } from './faults-unanswered.ts';
import { UNSENT_FAULTS } from './faults-unsent.ts';

/** One row of the catalogue. */
export interface Fault {
  /** 1 to 72. */
  id: number;
  fault: string;
  /** At least one; several when the row is about several things. Their keys: `43`, or `43a`, `43b`. */
  cases: readonly FaultCase[];
  /** Where SPEC wins over the catalogue this row comes from, and how. */
  spec?: string;
}

export interface FaultCase {
  /** What exactly happens; absent when the row's name says it. */
  when?: string;
  end: FaultEnd;
  /** How the code knows it. Absent where other cases have the same sign, or where no code need know. */
  sign?: AnswerSign | TransportSign;
  /** What else is guaranteed. */
  also?: string;
}

export type FaultEnd =
  /** A request, or its preparation, fails so; phase and category say billing, repetition and status. */
  | { category: FailureCategory; phase: Phase }
  /** Admission refuses it: no attempt, nothing is sent. */
  | 'refused'
  | 'completed'
  /** And acceptable all the same. */
  | 'completed with a warning'
  /** Completed: delivered, and not what was asked for. It is not bought again (SPEC G9). */
  | 'not acceptable';

/** Of a complete HTTP answer. */
export interface AnswerSign {
  statuses: readonly (number | StatusRange)[];
  /** Tested against `error.code` and `error.type` in lower case; absent: the status alone decides. */
  words?: RegExp;
}

/** Inclusive. */
type StatusRange = readonly [from: number, to: number];

/** Of a request without a complete answer. */
export interface TransportSign {
  phases: readonly Phase[];
  /** Of the system, TLS, undici, or ours; absent: what no other sign of this phase fits. */
  codes?: RegExp;
}

export const FAULTS: readonly Fault[] = [
  ...UNSENT_FAULTS,
  ...UNANSWERED_FAULTS,
  ...STATUS_FAULTS,
  ...CONTENT_FAULTS,
  ...HOST_FAULTS,
];

/** Each case with its key, in order. */
export function faultCases(): { key: string; fault: Fault; faultCase: FaultCase }[] {
  return FAULTS.flatMap((fault) =>
    fault.cases.map((faultCase, i) => ({
      key: fault.cases.length === 1 ? `${fault.id}` : `${fault.id}${String.fromCodePoint(0x61 + i)}`,
      fault,
      faultCase,
    })),
  );
}

/**
 * Of an answer other than 2xx. The most telling sign wins: a word of the provider, then a status by its number, then a
 * range; for gateways choose statuses freely. What has no sign broke with the request in hand.
 */
export function categoryOfAnswer(status: number, words: readonly (string | null)[]): FailureCategory {
  const found =
    signSaid(status, words) ??
    ANSWER_SIGNS.find(({ sign }) => sign.words === undefined && sign.statuses.includes(status)) ??
    ANSWER_SIGNS.find(({ sign }) => sign.words === undefined && isAmong(status, sign));
  return found?.category ?? 'server_error';
}

/**
 * Of a 2xx without an image: only the words of the provider can make it a refusal. Null: it was accepted work, whatever came
 * of it.
 */
export function refusalInSuccess(status: number, words: readonly (string | null)[]): FailureCategory | null {
  return signSaid(status, words)?.category ?? null;
}

/** Of a request that ended without a complete answer. A code that is named wins over the phase alone. */
export function categoryOfTransport(code: string, phase: Phase): FailureCategory {
  const fitting = TRANSPORT_SIGNS.filter(({ sign }) => sign.phases.includes(phase));
  const found =
    fitting.find(({ sign }) => sign.codes?.test(code)) ??
    fitting.find(({ sign }) => sign.codes === undefined);
  return found?.category ?? 'internal';
}

interface Signed<Sign> {
  sign: Sign;
  category: FailureCategory;
}

const SIGNED: readonly Signed<AnswerSign | TransportSign>[] = FAULTS.flatMap(({ cases }) => cases).flatMap(
  ({ sign, end }) =>
    sign !== undefined && typeof end === 'object' ? [{ sign, category: end.category }] : [],
);

const ANSWER_SIGNS = SIGNED.filter((one): one is Signed<AnswerSign> => 'statuses' in one.sign);
const TRANSPORT_SIGNS = SIGNED.filter((one): one is Signed<TransportSign> => 'phases' in one.sign);

function signSaid(status: number, words: readonly (string | null)[]): Signed<AnswerSign> | undefined {
  return ANSWER_SIGNS.find(({ sign }) => isSaid(sign, words) && isAmong(status, sign));
}

function isSaid({ words }: AnswerSign, said: readonly (string | null)[]): boolean {
  return words !== undefined && said.some((word) => word !== null && words.test(word));
}

function isAmong(status: number, { statuses }: AnswerSign): boolean {
  return statuses.some((one) =>
    typeof one === 'number' ? one === status : one[0] <= status && status <= one[1],
  );
}
