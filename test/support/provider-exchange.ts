/** One call being answered: what a step of the script may do to it. */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CallLog, CallRecord } from './provider-calls.ts';
import { errorBody, invalidRequest, type ApiError } from './provider-errors.ts';
import { drawPicture } from './provider-png.ts';
import type { ImageOrder } from './provider-rules.ts';

/** `ImagesResponse` of the API. */
export interface Answer {
  created: number;
  data: { b64_json?: string; url?: string }[];
  background: string;
  output_format: string;
  size: string;
  quality: string;
  usage: unknown;
}

export interface Exchange {
  call: CallRecord;
  res: ServerResponse;
  baseUrl: string;
  /** Fires when the client has gone. */
  gone: AbortSignal;
  /** To be called when the request is in the log. Throws when its client went away meanwhile. */
  arrived(): void;
  /** The whole answer goes out and the call is over. */
  send(status: number, headers: Record<string, string>, body: string): void;
  /** Bytes of an answer under way; resolves when the client takes more. Rejects when it has gone. */
  write(chunk: string): Promise<void>;
  /** Ends an answer under way. */
  end(lastChunk?: string): void;
  /** Breaks the connection on purpose: with a reset, or as if the other side had closed it. */
  cut(how?: 'reset' | 'close'): void;
  wait(delayMs: number): Promise<void>;
}

export function openExchange(
  call: CallRecord,
  req: IncomingMessage,
  res: ServerResponse,
  baseUrl: string,
  log: CallLog,
  repeats?: string,
): Exchange {
  const leaving = new AbortController();
  const statusSent = () => (res.headersSent ? res.statusCode : null);
  const over = (event: 'answered' | 'aborted', status: number | null) => {
    if (call.ended_at === null) log.ended(call, event, status);
  };
  const end = (lastChunk = '') => {
    // Before the bytes leave: the client's next call must not find this one still in flight.
    if (!leaving.signal.aborted) over('answered', res.statusCode);
    res.end(lastChunk);
  };
  res.once('close', () => {
    leaving.abort(new Error('the client has gone'));
    const isStillParsed = call.call === 0 && req.complete;
    if (!isStillParsed) over('aborted', statusSent());
  });
  return {
    call,
    res,
    baseUrl,
    gone: leaving.signal,
    arrived() {
      if (leaving.signal.aborted) over('aborted', null);
      leaving.signal.throwIfAborted();
    },
    send(status, headers, text) {
      const body = repeats === undefined ? text : withWords(text, repeats);
      res.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
      end(body);
    },
    async write(chunk) {
      leaving.signal.throwIfAborted();
      if (!res.write(chunk)) await drained(res, leaving.signal);
    },
    end,
    cut(how = 'close') {
      over('answered', statusSent());
      if (how === 'reset') res.socket?.resetAndDestroy();
      else res.socket?.destroy();
    },
    async wait(delayMs) {
      if (delayMs > 0) await sleep(delayMs, undefined, { signal: leaving.signal });
    },
  };
}

/** Into the words of its error, else beside the image, else behind what is no JSON. */
function withWords(body: string, words: string): string {
  try {
    const json = JSON.parse(body) as { error?: { message?: string } };
    const { error } = json;
    if (error === undefined) return JSON.stringify({ ...json, repeated: words });
    return JSON.stringify({ ...json, error: { ...error, message: `${error.message} ${words}` } });
  } catch {
    return body === '' ? body : `${body} ${words}`;
  }
}

function drained(res: ServerResponse, gone: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = () => {
      reject(new Error('the client has gone'));
    };
    gone.addEventListener('abort', left, { once: true });
    res.once('drain', () => {
      gone.removeEventListener('abort', left);
      resolve();
    });
  });
}

export function refuse(exchange: Exchange, error: ApiError, headers: Record<string, string> = {}): void {
  exchange.send(error.status, { 'content-type': 'application/json', ...headers }, errorBody(error));
}

/** A call that passed the rules: what it asks for, and the picture that would be the true answer. */
export interface ImageCall extends Exchange {
  order: ImageOrder;
  /** Bytes served instead of drawn ones. */
  readyMade: Buffer | null;
  /** Makes bytes available for GET and says where. */
  publish(image: Buffer, format: string): string;
}

/** The picture, with parts of the order overridden for answers that do not fit it. @throws ApiError for unreadable references */
export async function makeImage(
  call: ImageCall,
  other: Partial<ImageOrder> = {},
  index = 0,
): Promise<Buffer> {
  if (call.readyMade !== null) return call.readyMade;
  const order = { ...call.order, ...other };
  try {
    return await drawPicture({
      width: order.width,
      height: order.height,
      format: order.format,
      seed: `${order.prompt}\n${call.call.call}\n${index}`,
      label: String(call.call.call),
      note: `imgproof scripted provider, call ${call.call.call}.${index}, ${call.call.request_id}`,
      quality: order.compression,
      transparent: order.background === 'transparent',
      references: order.references.map(({ content }) => content),
    });
  } catch (error) {
    throw new UnreadableReference(String(error));
  }
}

/** A reference with the right first bytes that does not decode. */
export class UnreadableReference extends Error {
  get answer(): ApiError {
    return invalidRequest('invalid_image_file', 'image', `An image cannot be decoded: ${this.message}`);
  }
}

/** What the API would answer with these images; the record learns the hash of the first one. */
export function makeAnswer({ call, order }: ImageCall, images: readonly Buffer[]): Answer {
  call.image_sha256 = createHash('sha256')
    .update(images[0] ?? '')
    .digest('hex');
  return {
    created: Math.floor(Date.now() / 1000),
    data: images.map((image) => ({ b64_json: image.toString('base64') })),
    background: order.background,
    output_format: order.format,
    size: `${order.width}x${order.height}`,
    quality: order.quality,
    usage: usageOf(order),
  };
}

/** Output tokens of 1024x1024 (`reference/api.md` 2), scaled by area; a reference is 1024 input tokens. */
const OUTPUT_TOKENS: Record<string, number> = { low: 196, medium: 1756, high: 7024 };

function usageOf({ prompt, references, width, height, quality, count }: ImageOrder) {
  const textTokens = Math.ceil(prompt.length / 4);
  const imageTokens = 1024 * references.length;
  const perImage = Math.round(((OUTPUT_TOKENS[quality] ?? 0) * width * height) / 1024 ** 2);
  return {
    input_tokens: textTokens + imageTokens,
    input_tokens_details: { text_tokens: textTokens, image_tokens: imageTokens },
    output_tokens: perImage * count,
    total_tokens: textTokens + imageTokens + perImage * count,
  };
}
