/** Records what a client really sends, in a form in which two clients can be compared. Knows nothing of the Images API's rules. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A part of a form, as its bytes say. */
export interface CapturedPart {
  name: string;
  /** Null: none was sent. */
  filename: string | null;
  contentType: string | null;
  /** The text of a part without a file name, else null. */
  value: string | null;
  sizeBytes: number;
  sha256: string;
}

export interface CapturedRequest {
  method: string;
  /** Below the base URL: `/images/edits`. */
  path: string;
  /** Without parameters such as the boundary. */
  contentType: string;
  /** `chunked` uploads are refused by some gateways. */
  framing: 'content-length' | 'chunked' | 'none';
  /** As sent, lower-case names, in the order of names. */
  headers: Record<string, string>;
  /** Null for forms. */
  json: unknown;
  /** Text parts by name, then files in the order sent; empty for JSON. */
  parts: CapturedPart[];
}

/** Runs a client against a server that takes everything and answers with a small picture. */
export async function captureRequests(
  run: (baseUrl: string) => Promise<unknown>,
): Promise<CapturedRequest[]> {
  const captured: CapturedRequest[] = [];
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      captured.push(capture(req.method ?? '', req.url ?? '', req.headers, Buffer.concat(chunks)));
      res.writeHead(200, { 'content-type': 'application/json' });
      res.end(JSON.stringify({ created: 1, data: [{ b64_json: ONE_PIXEL_PNG }] }));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  return captured;
}

const ONE_PIXEL_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

function capture(
  method: string,
  url: string,
  headers: NodeJS.Dict<string | string[]>,
  body: Buffer,
): CapturedRequest {
  const contentType = String(headers['content-type'] ?? '');
  const [, boundary] = /^multipart\/form-data;\s*boundary="?([^";]+)/iu.exec(contentType) ?? [];
  return {
    method,
    path: url.replace(/^\/v1/u, ''),
    contentType: (contentType.split(';')[0] ?? '').trim().toLowerCase(),
    framing: framingOf(headers),
    headers: Object.fromEntries(
      Object.entries(headers)
        .map(([name, value]) => [name, String(value)] as const)
        .toSorted(([a], [b]) => a.localeCompare(b)),
    ),
    json: boundary === undefined ? (JSON.parse(body.toString('utf8')) as unknown) : null,
    parts: boundary === undefined ? [] : inNormalOrder(splitForm(body, boundary)),
  };
}

function framingOf(headers: NodeJS.Dict<string | string[]>): CapturedRequest['framing'] {
  if (headers['content-length'] !== undefined) return 'content-length';
  return headers['transfer-encoding'] === undefined ? 'none' : 'chunked';
}

/** RFC 7578, by hand: parsers fill in defaults where this must show what was left out. */
function splitForm(body: Buffer, boundary: string): CapturedPart[] {
  const parts: CapturedPart[] = [];
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  const form = Buffer.concat([Buffer.from('\r\n'), body]);
  let start = form.indexOf(delimiter) + delimiter.length;
  for (let end = form.indexOf(delimiter, start); end !== -1; end = form.indexOf(delimiter, start)) {
    parts.push(readPart(form.subarray(start + 2, end)));
    start = end + delimiter.length;
  }
  return parts;
}

function readPart(part: Buffer): CapturedPart {
  const headEnd = part.indexOf('\r\n\r\n');
  const head = part.subarray(0, headEnd).toString('utf8');
  const content = part.subarray(headEnd + 4);
  const filename = /;\s*filename="([^"]*)"/iu.exec(head)?.[1] ?? null;
  return {
    name: /;\s*name="([^"]*)"/iu.exec(head)?.[1] ?? '',
    filename,
    contentType: /^content-type:\s*(.+?)\s*$/imu.exec(head)?.[1] ?? null,
    value: filename === null ? content.toString('utf8') : null,
    sizeBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}

/** The order of text fields means nothing, that of references does. */
function inNormalOrder(parts: readonly CapturedPart[]): CapturedPart[] {
  const texts = parts.filter(({ filename }) => filename === null);
  const files = parts.filter(({ filename }) => filename !== null);
  return [...texts.toSorted((a, b) => a.name.localeCompare(b.name)), ...files];
}
