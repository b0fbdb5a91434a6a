/** What goes into one call of the image API, and what comes back. */
import type { Phase } from '../domain/failure.ts';
import type { Mode, RequestOptions } from '../domain/task.ts';

export interface ProviderEndpoint {
  /** Up to and without `/images/…`; a query (Azure's `api-version`) is kept. */
  baseUrl: string;
  /** Empty: no Authorization header is sent. */
  apiKey: string;
  /** Further headers; they may replace Authorization and User-Agent, nothing else that is ours. */
  headers?: Record<string, string>;
}

export interface ReferencePart {
  bytes: Buffer;
  mime: string;
  filename: string;
}

export interface ImageCall {
  endpoint: ProviderEndpoint;
  mode: Mode;
  model: string;
  prompt: string;
  size: string;
  options: RequestOptions;
  /** Empty for a generation, 1 to 5 for an edit. */
  references: readonly ReferencePart[];
  /** Limit of the whole call in milliseconds, connecting included. */
  timeoutMs: number;
  /** Aborting it ends the call as `cancelled`. */
  signal?: AbortSignal;
  clientRequestId: string;
  idempotencyKey: string;
  /** Called when the connection stands and nothing is written yet; when it throws, nothing is sent (`disk`). */
  beforeFirstByte?: () => void;
  /** Told of each phase as it begins; `sent` comes before the first byte is written. Must not throw. */
  onPhase?: (phase: Phase) => void;
}

/**
 * How the body of an answer ended: it came to its end, `enough` of an error was read, or, of an error only, it was `cut`
 * off by the other side, took `longer` than an error may, or was ended by the `limit` of the whole call.
 */
export type BodyEnd = 'whole' | 'enough' | 'cut' | 'longer' | 'limit';

/** A complete HTTP answer, or an error whose status is known, however its body ended: its status is what counts (SPEC R2). */
export interface ProviderAnswer {
  status: number;
  /** Lower-case names, only those of the allow-list below. */
  headers: Record<string, string>;
  /** As received. Of a status other than 2xx: the first MiB, and nothing when it is encoded. */
  body: Buffer;
  bodyEnd: BodyEnd;
  /** ISO times; `elapsedMs` runs from the start of the call on a monotonic clock. */
  timing: { sentAt: string; headersAt: string; endedAt: string; elapsedMs: number };
}

export interface BodyLimits {
  /** Longest body of a 2xx answer in bytes; a longer one is refused. */
  imageBytes: number;
  /** Kept of the body of any other answer in bytes; its status is what counts. */
  errorBytes: number;
  /** Longest wait for that body, in milliseconds from its headers on: it must not hold a slot as an image may. */
  errorMs: number;
}
