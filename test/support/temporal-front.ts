/** What stands in front of a Temporal server elsewhere: something that ends TLS, something that asks for a key. */
import { once } from 'node:events';
import {
  connect as connectHttp2,
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect, type AddressInfo, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Certificate } from './certificates.ts';

export interface Front {
  /** `localhost:port`. */
  address: string;
  port: number;
  close: () => Promise<void>;
}

/** Ends TLS and hands the bytes on. With `clientAuthority` only those get in who show a certificate of it. */
export async function startTlsFront(
  upstreamPort: number,
  { pem }: Certificate,
  clientAuthority?: Certificate,
): Promise<Front> {
  const clients =
    clientAuthority === undefined
      ? {}
      : { ca: clientAuthority.pem.cert, requestCert: true, rejectUnauthorized: true };
  const server = createTlsServer({ ...pem, ...clients, ALPNProtocols: ['h2'] }, (socket) => {
    const upstream = connect(upstreamPort, '127.0.0.1');
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  });
  return listening(server);
}

/** gRPC status codes that a front answers with itself. */
const UNAUTHENTICATED = '16';
const PERMISSION_DENIED = '7';

export interface KeyFront extends Front {
  /** What the calls brought as `authorization` so far, each once. */
  keys: () => string[];
  /** Calls by method name so far. */
  calls: () => string[];
}

/**
 * Ends TLS and lets calls pass that bring this API key. A wrong one is refused as unauthenticated; `denied` names methods
 * that the key, though right, does not allow.
 */
export async function startKeyFront(
  upstreamPort: number,
  { pem }: Certificate,
  apiKey: string,
  denied: readonly string[] = [],
): Promise<KeyFront> {
  const [keys, calls] = [new Set<string>(), new Set<string>()];
  const upstream = connectHttp2(`http://127.0.0.1:${upstreamPort}`);
  const server = createSecureServer({ ...pem, allowHTTP1: false });
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const method = String(headers[':path']).split('/').at(-1) ?? '';
    keys.add(String(headers.authorization));
    calls.add(method);
    stream.on('error', () => undefined);
    if (headers.authorization !== `Bearer ${apiKey}`) return refuse(stream, UNAUTHENTICATED, 'no such key');
    if (denied.includes(method)) return refuse(stream, PERMISSION_DENIED, 'Request unauthorized.');
    pass(stream, headers, upstream.request(headersOf(headers), { endStream: false }));
  });
  const front = await listening(server);
  return {
    ...front,
    keys: () => [...keys],
    calls: () => [...calls],
    close: async () => {
      upstream.destroy();
      await front.close();
    },
  };
}

/** Everything of the call, except where it came in. */
function headersOf(headers: IncomingHttpHeaders & Record<string, unknown>): Record<string, string> {
  return { ...(headers as Record<string, string>), ':scheme': 'http' };
}

function pass(
  stream: ServerHttp2Stream,
  _: unknown,
  call: ReturnType<ReturnType<typeof connectHttp2>['request']>,
): void {
  let trailers: IncomingHttpHeaders = {};
  stream.pipe(call);
  stream.once('close', () => call.destroy());
  call.on('error', () => stream.destroy());
  call.on('trailers', (received: IncomingHttpHeaders) => (trailers = received));
  call.once('response', (headers) => {
    // An answer that is only a status has no trailers of its own.
    const isOnlyStatus = headers['grpc-status'] !== undefined;
    stream.respond(headers, isOnlyStatus ? { endStream: true } : { waitForTrailers: true });
    if (isOnlyStatus) return;
    stream.once('wantTrailers', () => stream.sendTrailers(trailers));
    call.pipe(stream);
  });
}

function refuse(stream: ServerHttp2Stream, status: string, message: string): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc' };
  stream.respond({ ...headers, 'grpc-status': status, 'grpc-message': message }, { endStream: true });
}

async function listening(server: Server): Promise<Front> {
  const sockets = new Set<{ destroy: () => void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `localhost:${port}`,
    port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
