import type { Dispatcher } from 'undici';
import type { Phase } from '../domain/failure.ts';
import type { BodyEnd, BodyLimits, ImageCall, ProviderAnswer } from './image-call.ts';
import {
  bareError,
  isRefusal,
  refusedAnswer,
  type TransportError,
  transportError,
} from './transport-error.ts';

/** What undici tells of one request, turned into phases and one answer. */
export class Exchange implements Dispatcher.DispatchHandler {
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
  #isEncoded = false;
  #errorTimer: NodeJS.Timeout | undefined;

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
    try {
      this.#call.beforeFirstByte?.();
    } catch (error) {
      this.#fail(this.errorFor(bareError('not_marked', `${(error as Error).message}; nothing was sent`)));
      return;
    }
    this.#sentAt = new Date().toISOString();
    this.#enter('sent');
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: RawHeaders): void {
    if (this.#ended || status < 200) return;
    this.#status = status;
    this.#headers = allowedHeaders(headers);
    this.#headersAt = new Date().toISOString();
    this.#enter('headers');
    this.#isEncoded = encodingOf(this.#headers) !== null;
    if (this.#isKnownError())
      this.#errorTimer = setTimeout(() => this.#finishEarly('longer'), this.#limits.errorMs);
    else if (Number(headers['content-length']) > this.#limits.imageBytes) this.#endTooLarge();
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended) return;
    if (this.#receivedBytes === 0) this.#enter('body');
    const room = this.#keptBytes() - this.#receivedBytes;
    this.#receivedBytes += chunk.length;
    if (room > 0) this.#chunks.push(chunk.subarray(0, room));
    if (chunk.length > room) this.#endTooLarge();
  }

  onResponseEnd(): void {
    this.#finish('whole');
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#isKnownError()) this.#finish('cut');
    else this.#fail(this.errorFor(error));
  }

  /** End the call from our side. Before the connection stands there is nothing to abort: `onRequestStart` refuses then. */
  end(cause: 'deadline' | 'cancelled'): void {
    if (cause === 'deadline' && this.#isKnownError()) this.#finishEarly('limit');
    else this.#fail(this.errorFor(bareError(cause, endedText(cause, this.#call.timeoutMs))));
  }

  errorFor(error: unknown): TransportError {
    return transportError(error, {
      target: this.#target,
      phase: this.#phase,
      httpStatus: this.#status === 0 ? null : this.#status,
      requestId: this.#headers['x-request-id'] ?? null,
      receivedBytes: this.#receivedBytes,
      partial: Buffer.concat(isRefusal(error) ? [] : this.#chunks),
    });
  }

  #isSuccess(): boolean {
    return this.#status < 300;
  }

  /** Its headers came, and say all that counts: whether it is repeated, when, and who pays (SPEC R2, R3). */
  #isKnownError(): boolean {
    return this.#status >= 300;
  }

  /** A success was paid and is kept as it came, encoded or not; of an error the status counts, an encoded body goes unread. */
  #keptBytes(): number {
    if (this.#isSuccess()) return this.#limits.imageBytes;
    return this.#isEncoded ? 0 : this.#limits.errorBytes;
  }

  /** An error may talk on for ever: what it says at first is enough. */
  #endTooLarge(): void {
    if (this.#isSuccess()) {
      this.#refuse(`it is larger than ${this.#limits.imageBytes} bytes, and was not kept`);
      return;
    }
    this.#finishEarly('enough');
  }

  /** The connection goes with it: the rest of the body would be taken for the next answer's. */
  #finishEarly(bodyEnd: BodyEnd): void {
    if (this.#ended) return;
    this.#finish(bodyEnd);
    this.#controller?.abort(bareError('enough', 'the rest of an error body is not read'));
  }

  #finish(bodyEnd: BodyEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#errorTimer);
    this.#enter('done');
    this.#settle.resolve({
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks),
      bodyEnd,
      timing: {
        sentAt: this.#sentAt,
        headersAt: this.#headersAt,
        endedAt: new Date().toISOString(),
        elapsedMs: performance.now() - this.#startedMs,
      },
    });
  }

  #refuse(why: string): void {
    this.#fail(this.errorFor(refusedAnswer(why)));
  }

  #fail(error: TransportError): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#errorTimer);
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

/** How the body is encoded although nothing but `identity` was accepted; null when it is not. Nothing is ever unpacked. */
export function encodingOf(headers: Record<string, string>): string | null {
  const encoding = (headers['content-encoding'] ?? '').trim().toLowerCase().slice(0, 40);
  return encoding === '' || encoding === 'identity' ? null : encoding;
}

const ALLOWED_HEADERS =
  /^(content-type|content-encoding|x-request-id|retry-after|retry-after-ms|x-should-retry|openai-processing-ms|openai-version|date|cf-ray|x-ratelimit-[a-z0-9-]{1,40})$/u;

function allowedHeaders(headers: RawHeaders): Record<string, string> {
  const allowed = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && ALLOWED_HEADERS.test(name.toLowerCase()),
  );
  return Object.fromEntries(allowed.map(([name, value]) => [name.toLowerCase(), [value].flat().join(', ')]));
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
