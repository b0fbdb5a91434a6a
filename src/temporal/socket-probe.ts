/** Why a connection does not come about, seen from the socket: gRPC clients tell only that they have waited in vain. */
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';

/** What stands between us and the server. Only `no answer` may pass by itself. */
export type Obstacle =
  | { kind: 'no answer'; reason: string }
  | { kind: 'it speaks TLS' }
  | { kind: 'it speaks no TLS' }
  /** Its certificate can't be trusted. */
  | { kind: 'certificate'; reason: string }
  /** It wants a certificate of ours, or another one. */
  | { kind: 'client certificate'; reason: string };

export interface Endpoint {
  host: string;
  port: number;
  /** Null: plain text. */
  tls: { ca?: Buffer; cert?: Buffer; key?: Buffer; serverName?: string } | null;
}

const PATIENCE_MS = 3_000;
/** After a handshake a server of HTTP/2 speaks first, or turns us away. */
const FIRST_WORD_MS = 1_000;

/** Null when a connection comes about. */
export async function findObstacle({ host, port, tls }: Endpoint): Promise<Obstacle | null> {
  if (tls !== null) return tlsObstacle({ host, port, tls });
  const plain = await outcomeOf(connectPlain({ host, port }), 'connect');
  if (plain !== null) return { kind: 'no answer', reason: reasonOf(plain) };
  const handshake = connectTls({ ...tlsOptions({ host, port, tls: {} }), rejectUnauthorized: false });
  return (await outcomeOf(handshake, 'secureConnect')) === null ? { kind: 'it speaks TLS' } : null;
}

async function tlsObstacle(
  endpoint: Endpoint & { tls: NonNullable<Endpoint['tls']> },
): Promise<Obstacle | null> {
  let socket: TLSSocket;
  try {
    socket = connectTls(tlsOptions(endpoint));
  } catch (error) {
    // Our own certificate or key is no PEM file.
    return { kind: 'client certificate', reason: reasonOf(error as Error) };
  }
  const error = await outcomeOf(socket, 'secureConnect', FIRST_WORD_MS);
  return error === null ? null : obstacleOf(error);
}

function tlsOptions({ host, port, tls }: Endpoint): ConnectionOptions {
  const { ca, cert, key, serverName } = tls ?? {};
  const name = serverName ?? (/[a-z]/iu.test(host) && !host.includes(':') ? host : undefined);
  return {
    host,
    port,
    ALPNProtocols: ['h2'],
    ...(name === undefined ? {} : { servername: name }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

/** Null when `event` came and, where the server has the first word, nothing went wrong until then. */
async function outcomeOf(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  firstWordMs = 0,
): Promise<NodeJS.ErrnoException | null> {
  try {
    await once(socket, event, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (firstWordMs > 0) await firstWord(socket, firstWordMs);
    return null;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}

async function firstWord(socket: Socket, ms: number): Promise<void> {
  const signal = AbortSignal.timeout(ms);
  const hungUp = once(socket, 'end', { signal }).then(() => {
    throw Object.assign(new Error('it hung up after the handshake'), { code: 'HUNG_UP' });
  });
  await Promise.race([once(socket, 'data', { signal }), hungUp]).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  hungUp.catch(() => undefined);
}

/** OpenSSL's and Node's codes for what only a change of settings or of certificates helps against. */
const BY_CODE: [RegExp, (reason: string) => Obstacle][] = [
  [/^ERR_SSL_.*ALERT|^HUNG_UP$/u, (reason) => ({ kind: 'client certificate', reason })],
  [
    /^(?:ERR_SSL_(?:WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST|UNSUPPORTED_PROTOCOL)|EPROTO$)/u,
    () => ({ kind: 'it speaks no TLS' }),
  ],
  [
    /CERT|ERR_TLS|^UNABLE_TO_|^INVALID_(?:CA|PURPOSE)|SELF_SIGNED/u,
    (reason) => ({ kind: 'certificate', reason }),
  ],
];

function obstacleOf(error: NodeJS.ErrnoException): Obstacle {
  const reason = reasonOf(error);
  const known = BY_CODE.find(([pattern]) => pattern.test(error.code ?? ''));
  return known === undefined ? { kind: 'no answer', reason } : known[1](reason);
}

/** OpenSSL's messages begin with addresses of its own and end with a file of its source. */
function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ABORT_ERR') return 'it took the connection, and said nothing';
  const [first = ''] = message.split('\n');
  const openssl = /error:[0-9A-F]+:[^:]*:[^:]*:(?<reason>[^:]+)/u.exec(first)?.groups?.['reason'];
  return openssl ?? first;
}
