/** One image, one HTTP request (SPEC R1): sent once, never repeated, never redirected, read to its end within a limit. */
import { type Dispatcher, Agent } from 'undici';
import type { Phase } from '../domain/failure.ts';
import type { Mode, RequestOptions } from '../domain/task.ts';
import { buildRequest } from './request.ts';
import { bareError, refusedAnswer, TransportError, transportError } from './transport-error.ts';

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
  /** Told of each phase as it begins; `sent` comes before the first byte is written. Must not throw. */
  onPhase?: (phase: Phase) => void;
}

/** A complete HTTP answer, whatever its status. */
export interface ProviderAnswer {
  status: number;
  /** Lower-case names, only those of the allow-list below. */
  headers: Record<string, string>;
  /** As received. Of a status other than 2xx: the first MiB, and nothing when it is encoded. */
  body: Buffer;
  complete: true;
  /** ISO times; `elapsedMs` runs from the start of the call on a monotonic clock. */
  timing: { sentAt: string; headersAt: string; endedAt: string; elapsedMs: number };
}

export interface BodyLimits {
  /** Longest body of a 2xx answer in bytes; a longer one is refused. */
  imageBytes: number;
  /** Kept of the body of any other answer in bytes; its status is what counts. */
  errorBytes: number;
}

/** Base64 of 64 MiB of image, and room for the JSON around it. */
const BODY_LIMITS: BodyLimits = { imageBytes: 90 * 1024 * 1024, errorBytes: 1024 * 1024 };

/** undici's own limits of 300 s would end a paid call half-way; the call has its own deadline. */
const agent = new Agent({
  headersTimeout: 0,
  bodyTimeout: 0,
  connect: { timeout: 10_000 },
  pipelining: 1,
  // A socket that idled longer may be dead without our knowing, and a request lost on it counts as possibly paid.
  keepAliveTimeout: 4_000,
  keepAliveMaxTimeout: 4_000,
});

/**
 * Send exactly one request and bring back the complete answer. Rejects with `TransportError`, whose phase says whether
 * anything can have reached the provider.
 */
export async function callImageApi(
  call: ImageCall,
  limits: BodyLimits = BODY_LIMITS,
): Promise<ProviderAnswer> {
  const request = buildRequest(call);
  const exchange = new Exchange(`POST ${request.origin}${request.path.split('?')[0]}`, call, limits);
  const stopWatching = watchEnds(exchange, call);
  try {
    if (call.signal?.aborted !== true) agent.dispatch({ ...request, method: 'POST' }, exchange);
    return await exchange.answer;
  } catch (error) {
    throw error instanceof TransportError ? error : exchange.errorFor(error);
  } finally {
    stopWatching();
  }
}

/** The two ways a call is ended from our side: its deadline and the caller's signal. */
function watchEnds(exchange: Exchange, call: ImageCall): () => void {
  const cancel = () => exchange.end('cancelled');
  const timer = setTimeout(() => exchange.end('deadline'), call.timeoutMs);
  if (call.signal?.aborted === true) cancel();
  call.signal?.addEventListener('abort', cancel, { once: true });
  return () => {
    clearTimeout(timer);
    call.signal?.removeEventListener('abort', cancel);
  };
}

/** What undici tells of one request, turned into phases and one answer. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<ProviderAnswer>;
  readonly #target: string;
  readonly #call: ImageCall;
  readonly #limits: BodyLimits;
  readonly #startedMs = performance.now();
  readonly #settle: { resolve: (answer: ProviderAnswer) => void; reject: (error: TransportError) => void };
  #controller: Dispatcher.DispatchController | null = null;
  #ended = false;
  #phase: Phase = 'connecting';
  #sentAt = '';
  #headersAt = '';
  #status = 0;
  #headers: Record<string, string> = {};
  #chunks: Buffer[] = [];
  #receivedBytes = 0;

  constructor(target: string, call: ImageCall, limits: BodyLimits) {
    this.#target = target;
    this.#call = call;
    this.#limits = limits;
    const { promise, ...settle } = withResolvers<ProviderAnswer>();
    this.answer = promise;
    this.#settle = settle;
    call.onPhase?.('connecting');
  }

  /** undici calls this when the connection stands, TLS included, and right before it writes the first byte. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#ended || this.#phase !== 'connecting') {
      controller.abort(bareError('ENDED', 'this call has ended or was sent before; it is not sent'));
      return;
    }
    this.#controller = controller;
    this.#sentAt = new Date().toISOString();
    this.#enter('sent');
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: RawHeaders): void {
    if (this.#ended || status < 200) return;
    this.#status = status;
    this.#headers = allowedHeaders(headers);
    this.#headersAt = new Date().toISOString();
    this.#enter('headers');
    const encoding = String(headers['content-encoding'] ?? 'identity').toLowerCase();
    if (encoding !== 'identity') this.#refuseEncoded(encoding);
    else if (Number(headers['content-length']) > this.#limits.imageBytes) this.#refuseTooLarge();
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#receivedBytes === 0) this.#enter('body');
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes <= this.#keptBytes()) this.#chunks.push(chunk);
    else this.#refuseTooLarge();
  }

  onResponseEnd(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#enter('done');
    this.#settle.resolve({
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks),
      complete: true,
      timing: {
        sentAt: this.#sentAt,
        headersAt: this.#headersAt,
        endedAt: new Date().toISOString(),
        elapsedMs: performance.now() - this.#startedMs,
      },
    });
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    this.#fail(this.errorFor(error));
  }

  /** End the call from our side. Before the connection stands there is nothing to abort: `onRequestStart` refuses then. */
  end(cause: 'deadline' | 'cancelled'): void {
    this.#fail(this.errorFor(bareError(cause, endedText(cause, this.#call.timeoutMs))));
  }

  errorFor(error: unknown): TransportError {
    return transportError(error, {
      target: this.#target,
      phase: this.#phase,
      httpStatus: this.#status === 0 ? null : this.#status,
      requestId: this.#headers['x-request-id'] ?? null,
      receivedBytes: this.#receivedBytes,
    });
  }

  #isSuccess(): boolean {
    return this.#status < 300;
  }

  #keptBytes(): number {
    return this.#isSuccess() ? this.#limits.imageBytes : this.#limits.errorBytes;
  }

  /** Only what would be taken for an image is refused; of an error the status counts, and its body goes unread. */
  #refuseEncoded(encoding: string): void {
    if (this.#isSuccess()) {
      this.#refuse(`it is encoded (content-encoding ${encoding.slice(0, 40)}) although none was accepted`);
    } else {
      this.#limits.errorBytes = 0;
    }
  }

  #refuseTooLarge(): void {
    if (this.#isSuccess()) this.#refuse(`it is larger than ${this.#limits.imageBytes} bytes`);
  }

  #refuse(why: string): void {
    this.#fail(this.errorFor(refusedAnswer(why)));
  }

  #fail(error: TransportError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#chunks = [];
    this.#settle.reject(error);
    this.#controller?.abort(error);
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#call.onPhase?.(phase);
  }
}

type RawHeaders = Record<string, string | string[] | undefined>;

const ALLOWED_HEADERS =
  /^(content-type|x-request-id|retry-after|retry-after-ms|x-should-retry|openai-processing-ms|openai-version|date|cf-ray|x-ratelimit-[a-z0-9-]{1,40})$/u;

function allowedHeaders(headers: RawHeaders): Record<string, string> {
  const allowed = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && ALLOWED_HEADERS.test(name.toLowerCase()),
  );
  return Object.fromEntries(
    allowed.map(([name, value]) => [name.toLowerCase(), [value].flat().join(', ').slice(0, 1000)]),
  );
}

function endedText(cause: 'deadline' | 'cancelled', timeoutMs: number): string {
  return cause === 'cancelled'
    ? 'cancelled by the caller'
    : `no complete answer within the limit of ${timeoutMs / 1000} s`;
}

/** `Promise.withResolvers` of newer Node versions. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
