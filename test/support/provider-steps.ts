/** The one table of ways the scripted provider answers. Used by scripts and by prompts that carry `[fault:…]`. */
import { IMAGE_FORMATS, type ImageFormat } from '../../src/domain/task.ts';
import type { ApiError } from './provider-errors.ts';
import { makeAnswer, makeImage, refuse, type Answer, type ImageCall } from './provider-exchange.ts';

/** Options of steps; in a prompt they are written with dashes: `retry-after=2`. */
export interface StepOptions {
  /** Milliseconds before the answer. Default: the server's latency. */
  latencyMs?: number;
  /** Of refusals: another HTTP status, code, type or message than the row has. */
  status?: number;
  code?: string;
  type?: string;
  message?: string;
  /** Header `Retry-After` as written, or `date:5` for the HTTP date five seconds from now. */
  retryAfter?: string;
  /** Header `retry-after-ms`. */
  retryAfterMs?: number;
  /** Adds "Please try again in …" to the message: `467ms`, `2s`. */
  tryAgainIn?: string;
  /** Header `x-should-retry`. */
  shouldRetry?: string;
  /** Of `cut` and `cut_body`: `reset` (RST) instead of `close` (FIN, the default). */
  how?: 'reset' | 'close';
  /** Of `wrong_size`: `WxH` delivered. Default 816x816. */
  size?: string;
  /** Of `wrong_format`: delivered. Default jpeg, where jpeg was asked png. */
  format?: ImageFormat;
  /** Of `huge`: size of the body. Default 70. */
  mebibytes?: number;
  /** Pause between the pieces of `drip` (default 100 ms) and `leading_whitespace` (default 20 ms). */
  intervalMs?: number;
  /** Of `drip`: size of a piece. Default 1. */
  chunkBytes?: number;
  /** Of `leading_whitespace`: blank lines before the JSON. Default 5. */
  lines?: number;
  /** Of `redirect` and `url`: where to. Default: a path of this server. */
  location?: string;
}

type Play = (call: ImageCall, options: StepOptions) => Promise<void> | void;

export const STEPS = {
  ok: (call) => json(call, (answer) => JSON.stringify(answer)),

  // Refusals by the API.
  '400': refusal(400, 'invalid_request_error', 'invalid_value', 'Invalid value.'),
  '401': refusal(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.'),
  '402': refusal(402, 'insufficient_quota', 'insufficient_quota', 'Payment required.'),
  '403': refusal(
    403,
    'invalid_request_error',
    'organization_not_verified',
    'Your organization must be verified.',
  ),
  '404': refusal(404, 'invalid_request_error', 'model_not_found', 'The model does not exist.'),
  '408': refusal(408, 'server_error', 'request_timeout', 'Request timed out.'),
  '413': refusal(413, 'invalid_request_error', 'request_too_large', 'The body is too large.'),
  '429': refusal(429, 'requests', 'rate_limit_exceeded', 'Rate limit reached for gpt-image-2.'),
  '500': refusal(500, 'server_error', 'server_error', 'The server had an error.'),
  '502': refusal(502, 'server_error', 'bad_gateway', 'Bad gateway.'),
  '503': refusal(503, 'service_unavailable_error', 'server_is_overloaded', 'The server is overloaded.'),
  '504': refusal(504, 'server_error', 'gateway_timeout', 'Gateway timeout.'),
  '524': refusal(524, 'server_error', 'origin_timeout', 'The origin took too long.'),
  '529': refusal(529, 'server_error', 'overloaded', 'Overloaded.'),
  moderation_blocked: refusal(
    400,
    'image_generation_user_error',
    'moderation_blocked',
    'The safety system refused the request.',
  ),
  invalid_value: refusal(400, 'invalid_request_error', 'invalid_value', 'Invalid value.'),
  invalid_api_key: refusal(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.'),
  model_not_found: refusal(404, 'invalid_request_error', 'model_not_found', 'The model does not exist.'),
  insufficient_quota: refusal(429, 'insufficient_quota', 'insufficient_quota', 'The quota is used up.'),
  billing_hard_limit_reached: refusal(
    400,
    'image_generation_user_error',
    'billing_hard_limit_reached',
    'The billing hard limit is reached.',
  ),

  // Connections that break or stall after the request was read.
  cut: (call, { how }) => {
    call.cut(how);
  },
  cut_body: async (call, { how }) => {
    const body = JSON.stringify(await answerOf(call));
    call.res.writeHead(200, { ...JSON_TYPE, 'content-length': Buffer.byteLength(body) });
    await sendHalf(call, body, how);
  },
  /** No length, no chunks: a client that reads to the end sees a complete 200. */
  cut_unframed: async (call) => {
    const body = JSON.stringify(await answerOf(call));
    call.res.useChunkedEncodingByDefault = false;
    call.res.shouldKeepAlive = false;
    call.res.writeHead(200, JSON_TYPE);
    await call.write(body.slice(0, body.length / 2));
    call.end();
  },
  hang: never,
  hang_body: async (call) => {
    call.res.writeHead(200, JSON_TYPE);
    await call.write('{"created":');
    await never(call);
  },
  drip: async (call, { intervalMs = 100, chunkBytes = 1 }) => {
    const body = JSON.stringify(await answerOf(call));
    call.res.writeHead(200, { ...JSON_TYPE, 'content-length': Buffer.byteLength(body) });
    for (let at = 0; at < body.length; at += chunkBytes) {
      await call.write(body.slice(at, at + chunkBytes));
      await call.wait(intervalMs);
    }
    call.end();
  },

  // A 200 that is none.
  html: (call) => {
    call.send(200, { 'content-type': 'text/html' }, HTML('Please log in'));
  },
  html_502: (call) => {
    call.send(502, { 'content-type': 'text/html' }, HTML('502 Bad Gateway'));
  },
  html_524: (call) => {
    call.send(524, { 'content-type': 'text/html' }, HTML('524 A timeout occurred'));
  },
  not_json: (call) => {
    call.send(200, JSON_TYPE, 'upstream said nothing');
  },
  empty_body: (call) => {
    call.send(200, JSON_TYPE, '');
  },
  empty_data: (call) => json(call, (answer) => JSON.stringify({ ...answer, data: [] })),
  error_in_200: (
    call,
    { code = 'server_error', type = 'server_error', message = 'The upstream failed.' },
  ) => {
    call.send(200, JSON_TYPE, JSON.stringify({ error: { message, type, param: null, code } }));
  },
  truncated_base64: (call) => withBase64(call, (base64) => base64.slice(0, base64.length / 2)),
  huge: async (call, { mebibytes = 70 }) => {
    call.res.writeHead(200, JSON_TYPE);
    await call.write('{"created":1,"data":[{"b64_json":"');
    for (let sent = 0; sent < mebibytes; sent += 1) await call.write('A'.repeat(1024 * 1024));
    call.end('"}]}');
  },

  // A 200 in another shape than OpenAI's.
  data_uri: (call) => withBase64(call, (base64) => `data:image/${call.order.format};base64,${base64}`),
  base64_lines: (call) => withBase64(call, (base64) => base64.replaceAll(/.{76}/gu, '$&\r\n')),
  /** Keep-alive lines of a gateway that has sent its 200 before it knows the outcome. */
  leading_whitespace: async (call, { lines = 5, intervalMs = 20 }) => {
    call.res.writeHead(200, JSON_TYPE);
    for (let line = 0; line < lines; line += 1) {
      await call.write('\n  ');
      await call.wait(intervalMs);
    }
    call.end(JSON.stringify(await answerOf(call)));
  },
  url: async (call, { location }) => {
    const image = await makeImage(call);
    const url = location ?? call.publish(image, call.order.format);
    call.send(200, JSON_TYPE, JSON.stringify({ ...makeAnswer(call, [image]), data: [{ url }] }));
  },
  redirect: (call, { status = 307, location = `${call.baseUrl}/redirected` }) => {
    call.send(status, { location }, '');
  },

  // An image, but not the one that was asked for; the answer still claims that it is.
  wrong_size: async (call, { size = '816x816' }) => {
    const [width = 816, height = 816] = size.split('x').map(Number);
    await deliver(call, await makeImage(call, { width, height }));
  },
  wrong_format: async (call, { format = call.order.format === 'jpeg' ? 'png' : 'jpeg' }) => {
    await deliver(call, await makeImage(call, { format }));
  },
  echo_reference: async (call) => {
    const [first] = call.order.references;
    if (first === undefined) throw new Error('The step echo_reference needs a call with a reference image.');
    await deliver(call, first.content);
  },
} as const satisfies Record<string, Play>;

export type StepKind = keyof typeof STEPS;

export interface Step extends StepOptions {
  kind: StepKind;
}

/** How options are written in a prompt. */
export const OPTION_READERS: Record<keyof StepOptions, (text: string) => string | number> = {
  latencyMs: Number,
  status: Number,
  code: String,
  type: String,
  message: String,
  retryAfter: String,
  retryAfterMs: Number,
  tryAgainIn: String,
  shouldRetry: String,
  how: String,
  size: String,
  format: (text) => IMAGE_FORMATS.find((format) => format === text) ?? 'png',
  mebibytes: Number,
  intervalMs: Number,
  chunkBytes: Number,
  lines: Number,
  location: String,
};

const JSON_TYPE = { 'content-type': 'application/json' };

const HTML = (title: string) =>
  `<!doctype html><html><head><title>${title}</title></head><body>${title}</body></html>`;

function refusal(status: number, type: string, code: string, message: string): Play {
  return (call, options) => {
    const error: ApiError = {
      status: options.status ?? status,
      type: options.type ?? type,
      code: options.code ?? code,
      param: null,
      message: sentenceOf(options.message ?? message, options.tryAgainIn),
    };
    refuse(call, error, waitHeaders(options));
  };
}

function sentenceOf(message: string, tryAgainIn: string | undefined): string {
  return tryAgainIn === undefined ? message : `${message} Please try again in ${tryAgainIn}.`;
}

function waitHeaders({ retryAfter, retryAfterMs, shouldRetry }: StepOptions): Record<string, string> {
  return {
    ...(retryAfter === undefined ? {} : { 'retry-after': retryAfterHeader(retryAfter) }),
    ...(retryAfterMs === undefined ? {} : { 'retry-after-ms': String(retryAfterMs) }),
    ...(shouldRetry === undefined ? {} : { 'x-should-retry': shouldRetry }),
  };
}

function retryAfterHeader(value: string): string {
  const [, seconds] = /^date:(-?\d+)$/u.exec(value) ?? [];
  return seconds === undefined ? value : new Date(Date.now() + Number(seconds) * 1000).toUTCString();
}

async function answerOf(call: ImageCall): Promise<Answer> {
  const images: Buffer[] = [];
  for (let index = 0; index < call.order.count; index += 1) images.push(await makeImage(call, {}, index));
  return makeAnswer(call, images);
}

async function json(call: ImageCall, bodyOf: (answer: Answer) => string): Promise<void> {
  call.send(200, JSON_TYPE, bodyOf(await answerOf(call)));
}

async function withBase64(call: ImageCall, change: (base64: string) => string): Promise<void> {
  await json(call, (answer) =>
    JSON.stringify({ ...answer, data: answer.data.map((one) => ({ b64_json: change(one.b64_json ?? '') })) }),
  );
}

async function deliver(call: ImageCall, image: Buffer): Promise<void> {
  call.send(200, JSON_TYPE, JSON.stringify(makeAnswer(call, [image])));
}

async function sendHalf(call: ImageCall, body: string, how: StepOptions['how']): Promise<void> {
  await call.write(body.slice(0, body.length / 2));
  // The first half must be on its way before the connection breaks.
  await call.wait(50);
  call.cut(how);
}

function never({ gone }: ImageCall): Promise<never> {
  return new Promise((_resolve, reject) => {
    gone.addEventListener('abort', () => {
      reject(new Error('the client has gone'));
    });
  });
}
