/** Every step of the scripted provider, seen by a plain HTTP client. */
import sharp from 'sharp';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startProviderServer, type ProviderServer } from './provider-server.ts';
import { STEPS, type StepKind, type StepOptions } from './provider-steps.ts';

interface Seen {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Null when the connection broke before the body was complete. */
  body: string | null;
  /** Code of the transport error, and whether headers had come. */
  broke: string | null;
  ms: number;
}

interface Row {
  options?: StepOptions;
  /** Milliseconds after which the client gives up. */
  patienceMs?: number;
  expected: (seen: Seen) => unknown;
}

let server: ProviderServer;
const agent = new Agent();
beforeAll(async () => {
  server = await startProviderServer();
});
afterEach(() => {
  server.setScript([]);
});
afterAll(async () => {
  await agent.destroy();
  await server.close();
});

const ROWS: Record<StepKind, Row> = {
  ok: {
    expected: async (seen) => expect(await imageOf(seen)).toMatchObject({ size: '1024x1024', format: 'png' }),
  },

  '400': { expected: refusal(400, 'invalid_value') },
  '401': { expected: refusal(401, 'invalid_api_key') },
  '402': { expected: refusal(402, 'insufficient_quota') },
  '403': { expected: refusal(403, 'organization_not_verified') },
  '404': { expected: refusal(404, 'model_not_found') },
  '408': { expected: refusal(408, 'request_timeout') },
  '413': { expected: refusal(413, 'request_too_large') },
  '429': {
    options: { retryAfter: '2' },
    expected: refusal(429, 'rate_limit_exceeded', { 'retry-after': '2' }),
  },
  '500': { expected: refusal(500, 'server_error') },
  '502': { expected: refusal(502, 'bad_gateway') },
  '503': {
    options: { shouldRetry: 'true' },
    expected: refusal(503, 'server_is_overloaded', { 'x-should-retry': 'true' }),
  },
  '504': { expected: refusal(504, 'gateway_timeout') },
  '524': { expected: refusal(524, 'origin_timeout') },
  '529': { expected: refusal(529, 'overloaded') },
  moderation_blocked: { expected: refusal(400, 'moderation_blocked') },
  invalid_value: { expected: refusal(400, 'invalid_value') },
  invalid_api_key: { expected: refusal(401, 'invalid_api_key') },
  model_not_found: { expected: refusal(404, 'model_not_found') },
  insufficient_quota: { expected: refusal(429, 'insufficient_quota') },
  billing_hard_limit_reached: { expected: refusal(400, 'billing_hard_limit_reached') },

  cut: { expected: (seen) => expect(seen).toMatchObject({ status: 0, broke: 'UND_ERR_SOCKET' }) },
  cut_body: {
    expected: (seen) => expect(seen).toMatchObject({ status: 200, body: null, broke: 'UND_ERR_SOCKET' }),
  },
  cut_unframed: {
    expected: (seen) => {
      expect(seen).toMatchObject({ status: 200, broke: null });
      expect(() => jsonOf(seen)).toThrow(SyntaxError);
    },
  },
  hang: {
    patienceMs: 200,
    expected: (seen) => expect(seen).toMatchObject({ status: 0, broke: 'TimeoutError' }),
  },
  hang_body: {
    patienceMs: 200,
    expected: (seen) => expect(seen).toMatchObject({ status: 200, broke: 'TimeoutError' }),
  },
  drip: {
    patienceMs: 400,
    expected: (seen) => expect(seen).toMatchObject({ status: 200, broke: 'TimeoutError' }),
  },

  html: { expected: html(200) },
  html_502: { expected: html(502) },
  html_524: { expected: html(524) },
  not_json: {
    expected: (seen) => {
      expect(seen).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
      expect(() => jsonOf(seen)).toThrow(SyntaxError);
    },
  },
  empty_body: { expected: (seen) => expect(seen).toMatchObject({ status: 200, body: '', broke: null }) },
  empty_data: { expected: (seen) => expect(jsonOf(seen)).toMatchObject({ data: [], size: '1024x1024' }) },
  error_in_200: {
    expected: (seen) => {
      expect(seen.status).toBe(200);
      expect(jsonOf(seen).error?.code).toBe('server_error');
    },
  },
  truncated_base64: {
    expected: async (seen) => expect(imageOf(seen)).rejects.toThrow(/read error/u),
  },
  huge: {
    options: { mebibytes: 3 },
    expected: ({ body }) => expect(body?.length).toBeGreaterThan(3 * 1024 * 1024),
  },

  data_uri: {
    expected: (seen) => expect(jsonOf(seen).data[0]?.b64_json).toMatch(/^data:image\/png;base64,iVBOR/u),
  },
  base64_lines: {
    expected: async (seen) => {
      expect(jsonOf(seen).data[0]?.b64_json).toMatch(/^.{76}\r\n.{76}\r\n/u);
      expect(await imageOf(seen)).toMatchObject({ size: '1024x1024' });
    },
  },
  leading_whitespace: {
    expected: async (seen) => {
      expect(seen.body).toMatch(/^(\n {2}){5}\{/u);
      expect(await imageOf(seen)).toMatchObject({ size: '1024x1024' });
    },
  },
  url: {
    expected: async (seen) => {
      const download = await request(jsonOf(seen).data[0]?.url ?? '', { dispatcher: agent });
      const { width } = await sharp(Buffer.from(await download.body.arrayBuffer())).metadata();
      expect(width).toBe(1024);
      expect(server.downloads.at(-1)).toMatchObject({ authorization: false });
    },
  },
  redirect: {
    expected: (seen) =>
      expect(seen).toMatchObject({ status: 307, headers: { location: `${server.baseUrl}/redirected` } }),
  },

  wrong_size: {
    expected: async (seen) => {
      expect(jsonOf(seen).size).toBe('1024x1024');
      expect(await imageOf(seen)).toMatchObject({ size: '816x816' });
    },
  },
  wrong_format: {
    expected: async (seen) => {
      expect(jsonOf(seen).output_format).toBe('png');
      expect(await imageOf(seen)).toMatchObject({ format: 'jpeg' });
    },
  },
  echo_reference: {
    expected: async (seen) => expect((await imageOf(seen)).bytes.equals(await reference())).toBe(true),
  },
};

test('The table of tests has a row for every step', () => {
  expect(Object.keys(ROWS).toSorted()).toEqual(Object.keys(STEPS).toSorted());
});

test.each(Object.entries(ROWS) as [StepKind, Row][])(
  'The step %s does what its name says',
  async (kind, row) => {
    server.setScript([{ kind, ...row.options }]);
    await row.expected(await post(kind === 'echo_reference', row.patienceMs));
    await server.waitForInFlight(0);
    expect(server.calls.at(-1)?.step).toBe(kind);
  },
);

test.each<[string, StepKind, StepOptions, (seen: Seen) => unknown]>([
  [
    'a refusal can have another status',
    'insufficient_quota',
    { status: 402 },
    refusal(402, 'insufficient_quota'),
  ],
  [
    'a wait can be in milliseconds',
    '429',
    { retryAfterMs: 467 },
    refusal(429, 'rate_limit_exceeded', { 'retry-after-ms': '467' }),
  ],
  [
    'a wait can be in the text',
    '429',
    { tryAgainIn: '12s' },
    ({ body }) => expect(body).toContain('Please try again in 12s.'),
  ],
  [
    'a wait can be a date',
    '429',
    { retryAfter: 'date:30' },
    ({ headers }) => {
      const waitMs = Date.parse(String(headers['retry-after'])) - Date.now();
      expect(waitMs).toBeGreaterThan(20_000);
      expect(waitMs).toBeLessThanOrEqual(30_000);
    },
  ],
  [
    'a cut can be a reset',
    'cut',
    { how: 'reset' },
    (seen) => expect(seen).toMatchObject({ status: 0, broke: 'ECONNRESET' }),
  ],
  [
    'a drip can come to its end',
    'drip',
    { chunkBytes: 100_000, intervalMs: 1 },
    async (seen) => expect(await imageOf(seen)).toMatchObject({ size: '1024x1024' }),
  ],
  [
    'a step can have its own latency',
    'ok',
    { latencyMs: 300 },
    ({ ms }) => expect(ms).toBeGreaterThanOrEqual(295),
  ],
])('By options %s', async (_name, kind, options, expected) => {
  server.setScript([{ kind, ...options }]);
  await expected(await post());
});

async function post(withReference = false, patienceMs = 10_000): Promise<Seen> {
  const started = performance.now();
  const seen: Seen = { status: 0, headers: {}, body: null, broke: null, ms: 0 };
  try {
    const response = await request(`${server.baseUrl}/images/${withReference ? 'edits' : 'generations'}`, {
      method: 'POST',
      dispatcher: agent,
      signal: AbortSignal.timeout(patienceMs),
      ...(withReference ? await form() : json()),
    });
    Object.assign(seen, { status: response.statusCode, headers: response.headers });
    seen.body = await response.body.text();
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException;
    seen.broke = typeof code === 'string' ? code : name;
  }
  seen.ms = performance.now() - started;
  return seen;
}

function json() {
  const headers = { authorization: 'Bearer test-key', 'content-type': 'application/json' };
  return { headers, body: JSON.stringify({ model: 'gpt-image-2', prompt: 'a boat', size: '1024x1024' }) };
}

async function form() {
  const image = (await reference()).toString('latin1');
  const body = `--b\r\ncontent-disposition: form-data; name="model"\r\n\r\ngpt-image-2\r\n--b\r
content-disposition: form-data; name="prompt"\r\n\r\na boat\r\n--b\r
content-disposition: form-data; name="image"; filename="a.png"\r\ncontent-type: image/png\r\n\r\n${image}\r\n--b--\r\n`;
  const headers = { authorization: 'Bearer test-key', 'content-type': 'multipart/form-data; boundary=b' };
  return { headers, body: Buffer.from(body, 'latin1') };
}

function reference(): Promise<Buffer> {
  return sharp({ create: { width: 16, height: 16, channels: 3, background: '#336699' } })
    .png()
    .toBuffer();
}

interface Body {
  data: { b64_json?: string; url?: string }[];
  error?: { code: string };
  size: string;
  output_format: string;
}

function jsonOf({ body }: Seen): Body {
  return JSON.parse(body ?? '') as Body;
}

async function imageOf(seen: Seen) {
  const bytes = Buffer.from(jsonOf(seen).data[0]?.b64_json ?? '', 'base64');
  const { info } = await sharp(bytes, { failOn: 'warning' }).raw().toBuffer({ resolveWithObject: true });
  const { format } = await sharp(bytes).metadata();
  return { bytes, format, size: `${info.width}x${info.height}` };
}

function refusal(status: number, code: string, headers: Record<string, string> = {}) {
  return (seen: Seen) => {
    expect(seen).toMatchObject({ status, headers });
    expect(jsonOf(seen).error?.code).toBe(code);
  };
}

function html(status: number) {
  return (seen: Seen) => {
    expect(seen).toMatchObject({ status, headers: { 'content-type': 'text/html' } });
    expect(seen.body).toMatch(/^<!doctype html>/u);
  };
}
