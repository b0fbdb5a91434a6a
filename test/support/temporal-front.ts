/** What stands in front of a Temporal server elsewhere: something that ends TLS, something that asks for a key. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
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
  /** Breaks every connection; new ones are taken. */
  hangUp: () => void;
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
  /** What calls brought as `authorization` so far, each once. */
  keys: () => string[];
  /** Methods that were called so far, each once. */
  calls: () => string[];
  /** From now on this is the right key, and these methods are not for its owner. */
  accept: (apiKey: string, denied?: readonly string[]) => void;
}

/** Ends TLS and lets calls pass that bring the right API key; others are refused as unauthenticated. */
export async function startKeyFront(
  upstreamPort: number,
  { pem }: Certificate,
  apiKey: string,
): Promise<KeyFront> {
  let right = { apiKey, denied: [] as readonly string[] };
  const [keys, calls] = [new Set<string>(), new Set<string>()];
  const upstream = upstreamTo(upstreamPort);
  const server = createSecureServer({ ...pem, allowHTTP1: false });
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const method = String(headers[':path']).split('/').at(-1) ?? '';
    keys.add(String(headers.authorization));
    calls.add(method);
    stream.on('error', () => undefined);
    if (headers.authorization !== `Bearer ${right.apiKey}`) refuse(stream, UNAUTHENTICATED, 'no such key');
    else if (right.denied.includes(method)) refuse(stream, PERMISSION_DENIED, 'Request unauthorized.');
    else pass(stream, upstream.session().request({ ...headers, ':scheme': 'http' }, { endStream: false }));
  });
  const front = await listening(server);
  return {
    ...front,
    keys: () => [...keys],
    calls: () => [...calls],
    accept: (apiKey, denied = []) => {
      right = { apiKey, denied };
    },
    close: async () => {
      upstream.session().destroy();
      await front.close();
    },
  };
}

/** The server ends a session that was idle, or ends itself: then there is another one. */
function upstreamTo(port: number): { session: () => ClientHttp2Session } {
  const open = () => connectHttp2(`http://127.0.0.1:${port}`).on('error', () => undefined);
  let session = open();
  return {
    session: () => {
      if (session.closed || session.destroyed) session = open();
      return session;
    },
  };
}

function pass(stream: ServerHttp2Stream, call: ClientHttp2Stream): void {
  let trailers: IncomingHttpHeaders = {};
  stream.pipe(call);
  stream.once('close', () => call.destroy());
  call.on('error', () => stream.destroy());
  call.on('trailers', (received: IncomingHttpHeaders) => {
    trailers = received;
  });
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
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `localhost:${port}`,
    port,
    hangUp,
    close: async () => {
      hangUp();
      server.close();
      await once(server, 'close');
    },
  };
}
