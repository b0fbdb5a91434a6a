/**
 * An image that the provider gives as a link (`reference/api.md` 1.6). The link is somebody else's word: it is followed
 * into the open internet over TLS, or to the provider's own origin, and nowhere else; without key, cookies or headers of
 * the config; within limits of time, size and redirects.
 */
import { Agent, type Dispatcher, request } from 'undici';
import { redactPatterns } from './redact.ts';
import { BLOCKED, publicConnector, type Resolve, resolveName } from './public-address.ts';
import { encodingOf } from './exchange.ts';

/** The message is one redacted line. */
export class DownloadFailed extends Error {
  override name = 'DownloadFailed';
  /** True when another try may have more luck: the network failed, or the host was busy. */
  readonly isTransient: boolean;

  constructor(message: string, isTransient: boolean) {
    super(message);
    this.isTransient = isTransient;
  }
}

export interface DownloadOrder {
  /** As the provider wrote it; a relative one is relative to `baseUrl`. */
  link: string;
  baseUrl: string;
  signal?: AbortSignal;
}

export interface DownloadLimits {
  bytes: number;
  /** Of the whole download, connecting and redirects included. */
  timeoutMs: number;
  redirects: number;
}

export interface Download {
  bytes: Buffer;
  /** Scheme, host and port that the bytes came from. */
  origin: string;
}

const LIMITS: DownloadLimits = { bytes: 64 * 1024 * 1024, timeoutMs: 60_000, redirects: 3 };
const CONNECT_TIMEOUT_MS = 10_000;
const LINK_CHARACTERS = 8_192;

/** `download` over real names. Another way to resolve them is for whoever tests what names may do. */
export function createDownloader(
  resolve: Resolve = resolveName,
): (order: DownloadOrder, limits?: Partial<DownloadLimits>) => Promise<Download> {
  const open = { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 1_000 };
  const agents = {
    public: new Agent({ ...open, connect: publicConnector(CONNECT_TIMEOUT_MS, resolve) }),
    // Where paid calls go by the word of whoever runs this worker: a gateway on this machine may be one.
    provider: new Agent({ ...open, connect: { timeout: CONNECT_TIMEOUT_MS } }),
  };
  return (order, limits) => follow(order, { ...LIMITS, ...limits }, agents);
}

/** Throws `DownloadFailed`, and what the caller's signal was aborted with. */
export const download = createDownloader();

type Agents = Record<'public' | 'provider', Agent>;

async function follow(order: DownloadOrder, limits: DownloadLimits, agents: Agents): Promise<Download> {
  const { link, baseUrl, signal } = order;
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const ends = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  let url = urlOf(link, baseUrl);
  for (let redirects = 0; ; redirects += 1) {
    const agent = agents[wayTo(url, baseUrl)];
    const answer = await ask(url, agent, limits, ends).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw asDownloadFailed(error, url, limits);
    });
    if (Buffer.isBuffer(answer)) return { bytes: answer, origin: url.origin };
    if (redirects === limits.redirects)
      throw new DownloadFailed(`${shown(url)} leads on after ${redirects} redirects`, false);
    url = urlOf(answer, url.href);
  }
}

function urlOf(link: string, base: string): URL {
  const text = link.trim();
  if (text.length > LINK_CHARACTERS) throw new DownloadFailed('the link is too long to be one', false);
  // As a browser has it: `images/1.png` is beside the last part of the path.
  if (!URL.canParse(text, base)) throw new DownloadFailed('the link is no URL', false);
  const url = new URL(text, base);
  url.hash = '';
  return url;
}

/** Every hop is judged anew; a name that means something else than it says is the connector's to find. */
function wayTo(url: URL, baseUrl: string): keyof Agents {
  if (url.username !== '' || url.password !== '')
    throw new DownloadFailed(`${shown(url)} is not asked: the link carries a user name`, false);
  if (url.origin === new URL(baseUrl).origin) return 'provider';
  if (url.protocol === 'https:') return 'public';
  throw new DownloadFailed(
    `${shown(url)} is not asked: it is neither https nor the provider's own address`,
    false,
  );
}

/** The image, or where it is said to be instead. */
async function ask(
  url: URL,
  dispatcher: Dispatcher,
  limits: DownloadLimits,
  signal: AbortSignal,
): Promise<Buffer | string> {
  const headers = {
    'user-agent': 'imgproof',
    accept: 'image/png, image/jpeg, image/webp',
    'accept-encoding': 'identity',
  };
  const { statusCode, headers: answered, body } = await request(url, { dispatcher, headers, signal });
  try {
    const { location } = answered;
    if (statusCode >= 300 && statusCode < 400 && typeof location === 'string') return location;
    refuseUnfit(url, statusCode, answered, limits);
    return await readBounded(url, body, limits.bytes);
  } finally {
    // What is not read is not waited for, and says no more.
    body.on('error', () => undefined).destroy();
  }
}

/** Statuses that pass by themselves. */
const BUSY = new Set([408, 425, 429]);

function refuseUnfit(
  url: URL,
  status: number,
  headers: Record<string, string | string[] | undefined>,
  limits: DownloadLimits,
): void {
  const refuse = (why: string, isTransient = false) => {
    throw new DownloadFailed(`${shown(url)} ${why}`, isTransient);
  };
  if (status !== 200) refuse(`answered ${status}`, status >= 500 || BUSY.has(status));
  const type = String(headers['content-type'] ?? '').toLowerCase();
  if (/^\s*(?:text\/|application\/(?:json|xml|xhtml))/u.test(type))
    refuse(`holds ${type.replaceAll(/[^\w/+.-].*/gu, '')}, no image`);
  const encoding = encodingOf({ 'content-encoding': String(headers['content-encoding'] ?? '') });
  if (encoding !== null) refuse('is compressed, which was not accepted');
  if (Number(headers['content-length'] ?? 0) > limits.bytes) refuse(tooLarge(limits.bytes));
}

async function readBounded(url: URL, body: AsyncIterable<Buffer>, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > limit) throw new DownloadFailed(`${shown(url)} ${tooLarge(limit)}`, false);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(bytes: number): string {
  return `is larger than ${bytes} bytes`;
}

function asDownloadFailed(error: unknown, url: URL, limits: DownloadLimits): DownloadFailed {
  if (error instanceof DownloadFailed) return error;
  const { code, name, message } = error as NodeJS.ErrnoException;
  if (code === BLOCKED) return new DownloadFailed(`${shown(url)} is not asked: ${message}`, false);
  const why =
    name === 'TimeoutError'
      ? `it took longer than ${limits.timeoutMs / 1000} s`
      : (code ?? name ?? 'unknown');
  return new DownloadFailed(`${shown(url)} could not be read: ${why}`, !/CERT|TLS|SELF_SIGNED/u.test(why));
}

/** Without what makes a link a key: its query. */
function shown(url: URL): string {
  return redactPatterns(`${url.origin}${url.pathname}`.slice(0, 200));
}
