import type { FailureCategory, Phase } from '../domain/failure.ts';
import { categoryOfTransport } from '../domain/fault-catalogue.ts';
import { redactPatterns } from './redact.ts';

export interface TransportFacts {
  /** Method, origin and path, without query. */
  target: string;
  phase: Phase;
  /** Of the answer whose body did not end well; null when no headers came. */
  httpStatus: number | null;
  requestId: string | null;
  receivedBytes: number;
  /** What came of the body, as far as it is kept; empty when nothing did, or when it was refused. */
  partial: Buffer;
}

/** No complete answer came. Category and phase together say what it may have cost (SPEC R4). */
export class TransportError extends Error {
  override name = 'TransportError';
  readonly phase: Phase;
  readonly category: FailureCategory;
  /** Code of the system, of TLS, of undici, or our own: `deadline`, `cancelled`, `refused_answer`, `not_marked`. */
  readonly code: string;
  readonly httpStatus: number | null;
  readonly requestId: string | null;
  readonly partial: Buffer;

  constructor(message: string, category: FailureCategory, code: string, facts: TransportFacts) {
    super(message);
    this.category = category;
    this.code = code;
    this.phase = facts.phase;
    this.httpStatus = facts.httpStatus;
    this.requestId = facts.requestId;
    this.partial = facts.partial;
  }
}

/** Name the failure of a request. The message is one redacted line. */
export function transportError(error: unknown, facts: TransportFacts): TransportError {
  const { code, text } = codeAndText(error);
  const bytes = facts.receivedBytes === 0 ? '' : `, ${facts.receivedBytes} bytes received`;
  const message = redactPatterns(`${facts.target}: ${text} (${code}, phase ${facts.phase}${bytes})`);
  return new TransportError(message, categoryOfTransport(code, facts.phase), code, facts);
}

export function bareError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** A complete or endless answer that is not taken in. */
export function refusedAnswer(why: string): Error {
  return bareError(REFUSED, `the answer was refused: ${why}`);
}

export function isRefusal(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === REFUSED;
}

const REFUSED = 'refused_answer';

/** Connecting to several addresses fails with an AggregateError without words of its own. */
function codeAndText(error: unknown): { code: string; text: string } {
  const { code, name, message, errors } = error as NodeJS.ErrnoException & { errors?: unknown[] };
  const text = message || (errors?.[0] as Error | undefined)?.message || name || 'failed';
  return { code: code ?? name ?? 'unknown', text: text.replaceAll(/\s+/gu, ' ').slice(0, 300) };
}
