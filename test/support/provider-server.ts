/**
 * A scripted provider of the Images API on the loopback: strict with requests, generous with faults, and the judge of
 * what was really asked. By hand: `npm run demo-provider -- --port 0 --latency-ms 1500 --log calls.jsonl`.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { openCallLog, redactedHeaders, type CallLog, type CallRecord } from './provider-calls.ts';
import { runFromCommandLine } from './provider-cli.ts';
import { NO_SUCH_PATH, WRONG_KEY, type ApiError } from './provider-errors.ts';
import { openExchange, refuse, UnreadableReference, type Exchange } from './provider-exchange.ts';
import { readRequest, type ReceivedRequest } from './provider-request.ts';
import { firstProblem, MODES_BY_PATH, readOrder } from './provider-rules.ts';
import { readScript, type Script } from './provider-script.ts';
import { STEPS } from './provider-steps.ts';

/** Those that a client keeps. */
const REPEATING_HEADERS = ['cf-ray', 'openai-version', 'x-ratelimit-reset-requests'];

/** A number, or a choice per call number (from 1). */
export type Latency = number | ((callNumber: number) => number);

export interface ProviderServerOptions {
  /** Default 0: any free one. */
  port?: number;
  /** The bearer key asked for; null: none. Default `test-key`. */
  apiKey?: string | null;
  /** Time before an answer in milliseconds. Default 0. */
  latencyMs?: Latency;
  /** JSON lines are appended to it (see `CallRecord`). */
  logFile?: string;
  script?: Script;
  /** What every answer carries in headers, in the words of an error, and beside an image: a provider that repeats what it was told. */
  repeats?: string;
  /** Bytes to serve in turn instead of drawn pictures. */
  images?: readonly Buffer[];
}

export interface ProviderServer {
  /** `http://127.0.0.1:PORT/v1` */
  readonly baseUrl: string;
  readonly port: number;
  /** Every request that was read completely, in order of arrival; records change while they are served. */
  readonly calls: readonly CallRecord[];
  /** Requests whose headers arrived and whose answer has not been handed over. */
  readonly inFlight: number;
  readonly maxInFlight: number;
  /** Uploads that ended before they were complete: nothing was ordered by them. */
  readonly brokenUploads: number;
  /** GET requests for images of the step `url`; `authorization` tells whether the client gave its key away. */
  readonly downloads: readonly { path: string; authorization: boolean }[];
  setScript(script: Script): void;
  /** The bearer key asked for from now on; null: none. */
  setApiKey(apiKey: string | null): void;
  setLatencyMs(latency: Latency): void;
  /** How images of the step `url` are served from now on: 503 is a host that is busy. */
  setDownloadStatus(status: 200 | 503): void;
  /** Resolves when `count` calls have arrived. Rejects after `timeoutMs` (default 10 s). */
  waitForCalls(count: number, timeoutMs?: number): Promise<void>;
  /** Resolves when exactly `count` requests are in flight. Rejects after `timeoutMs` (default 10 s). */
  waitForInFlight(count: number, timeoutMs?: number): Promise<void>;
  /**
   * From now on no call is answered, also of those in flight, until the returned function is called: a test need not
   * guess how long a thing takes.
   */
  hold(): () => void;
  /** Breaks what is open and frees the port. */
  close(): Promise<void>;
}

export async function startProviderServer(options: ProviderServerOptions = {}): Promise<ProviderServer> {
  const log = openCallLog(options.logFile);
  const provider = createProvider(options, log);
  const server = createServer((req, res) => void provider.handle(req, res));
  // Longer than any pause between calls of a test: a server that hangs up first looks like a fault.
  server.keepAliveTimeout = 65_000;
  const port = await listen(server, options.port ?? 0);
  provider.baseUrl = `http://127.0.0.1:${port}/v1`;
  return {
    baseUrl: provider.baseUrl,
    port,
    calls: log.calls,
    downloads: provider.downloads,
    get inFlight() {
      return log.state.inFlight;
    },
    get maxInFlight() {
      return log.state.maxInFlight;
    },
    get brokenUploads() {
      return log.state.brokenUploads;
    },
    setScript: (script) => {
      provider.script.set(script);
    },
    setApiKey: (apiKey) => {
      provider.apiKey = apiKey;
    },
    setLatencyMs: (latency) => {
      provider.latencyMs = latency;
    },
    setDownloadStatus: (status) => {
      provider.downloadStatus = status;
    },
    waitForCalls: (count, timeoutMs = 10_000) =>
      log.waitUntil(`${count} calls`, () => log.calls.length >= count, timeoutMs),
    waitForInFlight: (count, timeoutMs = 10_000) =>
      log.waitUntil(`${count} calls in flight`, () => log.state.inFlight === count, timeoutMs),
    hold: () => {
      const { promise, resolve } = gate();
      provider.gate = promise;
      return () => {
        resolve();
        provider.gate = Promise.resolve();
      };
    },
    close: () => {
      provider.cutAll();
      return close(server);
    },
  };
}

function createProvider(options: ProviderServerOptions, log: CallLog) {
  const { images = [] } = options;
  const published = new Map<string, { content: Buffer; format: string }>();
  const open = new Set<Exchange>();
  let served = 0;

  const provider = {
    baseUrl: '',
    apiKey: options.apiKey === undefined ? 'test-key' : options.apiKey,
    latencyMs: options.latencyMs ?? 0,
    script: readScript(options.script),
    downloadStatus: 200 as 200 | 503,
    downloads: [] as { path: string; authorization: boolean }[],
    gate: Promise.resolve(),
    handle,
    /** The log says then that the server ended these calls, not their clients. */
    cutAll: () => {
      for (const exchange of open) exchange.cut();
    },
  };
  return provider;

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = req.url ?? '/';
    if (req.method === 'GET' && path.startsWith('/files/')) {
      download(path, req, res);
      return;
    }
    log.entered();
    const call = newRecord(req, path);
    res.setHeader('x-request-id', call.request_id);
    res.setHeader('openai-version', '2020-10-01');
    for (const name of REPEATING_HEADERS)
      if (options.repeats !== undefined) res.setHeader(name, options.repeats);
    const exchange = openExchange(call, req, res, provider.baseUrl, log, options.repeats);
    open.add(exchange);
    res.once('close', () => open.delete(exchange));
    try {
      const request = await readRequest(req);
      describe(call, request);
      log.arrived(call);
      exchange.arrived();
      await answer(exchange, request, req);
    } catch (error) {
      if (req.complete) fail(exchange, error);
    }
  }

  async function answer(exchange: Exchange, request: ReceivedRequest, req: IncomingMessage): Promise<void> {
    const { call } = exchange;
    const refused = refusalOf(req, call, request);
    if (call.mode === null || refused !== null) {
      refuse(exchange, refused ?? NO_SUCH_PATH);
      return;
    }
    const { kind, ...stepOptions } = provider.script.next(call);
    call.step = kind;
    await exchange.wait(stepOptions.latencyMs ?? latencyOf(call.call));
    await provider.gate;
    exchange.gone.throwIfAborted();
    exchange.res.setHeader('openai-processing-ms', Date.now() - Date.parse(call.arrived_at));
    const readyMade = images.length === 0 ? null : (images[served++ % images.length] ?? null);
    const order = readOrder(call.mode, request);
    await STEPS[kind]({ ...exchange, order, readyMade, publish }, stepOptions);
  }

  function refusalOf(req: IncomingMessage, call: CallRecord, request: ReceivedRequest): ApiError | null {
    if (req.method !== 'POST' || call.mode === null) return NO_SUCH_PATH;
    const { apiKey } = provider;
    if (apiKey !== null && req.headers.authorization !== `Bearer ${apiKey}`) return WRONG_KEY;
    return firstProblem(call.mode, request);
  }

  function latencyOf(callNumber: number): number {
    return typeof provider.latencyMs === 'number' ? provider.latencyMs : provider.latencyMs(callNumber);
  }

  function publish(content: Buffer, format: string): string {
    const path = `/files/${randomUUID()}.${format}`;
    published.set(path, { content, format });
    return new URL(path, provider.baseUrl).href;
  }

  function download(path: string, req: IncomingMessage, res: ServerResponse): void {
    provider.downloads.push({ path, authorization: req.headers.authorization !== undefined });
    const file = published.get(path);
    res.writeHead(file === undefined ? 404 : provider.downloadStatus, {
      'content-type': `image/${file?.format ?? 'none'}`,
    });
    res.end(file?.content);
  }
}

function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((open) => {
    resolve = open;
  });
  return { promise, resolve };
}

function newRecord(req: IncomingMessage, path: string): CallRecord {
  const now = new Date().toISOString();
  const header = (name: string) => req.headers[name]?.toString() ?? null;
  return {
    event: 'arrived',
    call: 0,
    at: now,
    arrived_at: now,
    ended_at: null,
    method: req.method ?? '',
    path,
    mode: MODES_BY_PATH[path] ?? null,
    model: null,
    prompt: null,
    size: null,
    references: [],
    headers: redactedHeaders(req.headers),
    fields: {},
    step: null,
    status: null,
    request_id: `req_${randomUUID().replaceAll('-', '')}`,
    image_sha256: null,
    in_flight: 0,
    x_client_request_id: header('x-client-request-id'),
    idempotency_key: header('idempotency-key'),
  };
}

function describe(call: CallRecord, { fields, files }: ReceivedRequest): void {
  const textOf = (name: string) => (typeof fields[name] === 'string' ? fields[name] : null);
  const now = new Date().toISOString();
  Object.assign(call, { at: now, arrived_at: now, fields });
  Object.assign(call, { model: textOf('model'), prompt: textOf('prompt'), size: textOf('size') });
  call.references = files.map(({ content: _, ...reference }) => reference);
}

/** A client that has gone needs no answer; a mistake in a script must not look like a fault worth a retry. */
function fail(exchange: Exchange, error: unknown): void {
  if (exchange.gone.aborted) return;
  if (exchange.res.headersSent) {
    exchange.cut();
    return;
  }
  const message = `provider-server: ${String(error)}`;
  const bug = { status: 400, type: 'invalid_request_error', code: 'script_error', param: null, message };
  refuse(exchange, error instanceof UnreadableReference ? error.answer : bug);
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

const [, program = ''] = process.argv;
const isMain = existsSync(program) && import.meta.url === pathToFileURL(realpathSync(program)).href;
if (isMain) await runFromCommandLine(startProviderServer);
