/** One image, one HTTP request (SPEC R1): sent once, never repeated, never redirected, read to its end within a limit. */
import { Agent } from 'undici';
import { Exchange } from './exchange.ts';
import type { BodyLimits, ImageCall, ProviderAnswer } from './image-call.ts';
import { buildRequest } from './request.ts';
import { TransportError } from './transport-error.ts';

export type { ImageCall, ProviderAnswer, ProviderEndpoint } from './image-call.ts';
export { TransportError } from './transport-error.ts';

/** For the body of an error, whose status is known by then (SPEC R2); an image has the whole limit of its request. */
export const ERROR_BODY_LIMIT_MS = 10_000;

/** Base64 of 64 MiB of image, and room for the JSON around it. */
const BODY_LIMITS: BodyLimits = {
  imageBytes: 90 * 1024 * 1024,
  errorBytes: 1024 * 1024,
  errorMs: ERROR_BODY_LIMIT_MS,
};

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
 * Send exactly one request and bring back the complete answer, or the error whose status came. Rejects with
 * `TransportError`, whose phase says whether anything can have reached the provider.
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
