/**
 * A name service and a trust store for tests: `*.faults.test` is this machine, and one authority of the tests is trusted
 * as a machine trusts its own. Sockets, certificates and every check are real.
 */
import dns from 'node:dns';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import { beforeAll, onTestFinished } from 'vitest';
import { createAuthority, type Authority } from '../support/certificates.ts';
import { newFolder } from '../support/temp-folder.ts';

export const HOST = 'provider.faults.test';

export interface TlsWorld {
  authority: Authority;
  /** The next look-ups of the name fail with this code, one for each. */
  failLookups: (...codes: string[]) => void;
}

/** To be called once in a test file. */
export function tlsWorld(): TlsWorld {
  const failing: string[] = [];
  const world = {
    authority: null as unknown as Authority,
    failLookups: (...codes: string[]) => void failing.push(...codes),
  };
  beforeAll(() => {
    world.authority = createAuthority(newFolder(), 'authority');
    const restore = [serveNames(failing), trust(() => world.authority.pem.cert)];
    return () => {
      for (const undo of restore) undo();
    };
  });
  return world;
}

type Found = (error: NodeJS.ErrnoException | null, ...addresses: unknown[]) => void;

function serveNames(failing: string[]): () => void {
  const real = dns.lookup;
  const lookup = (host: string, options: dns.LookupOptions, found: Found) => {
    if (!host.endsWith('.faults.test')) {
      real(host, options, found as never);
      return;
    }
    const code = failing.shift();
    if (code !== undefined) found(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code }));
    else if (options.all === true) found(null, [{ address: '127.0.0.1', family: 4 }]);
    else found(null, '127.0.0.1', 4);
  };
  dns.lookup = lookup as typeof dns.lookup;
  return () => {
    dns.lookup = real;
  };
}

function trust(authority: () => Buffer): () => void {
  const real = tls.connect;
  tls.connect = ((options: tls.ConnectionOptions, ...rest: never[]) =>
    real({ ...options, ca: [authority()] }, ...rest)) as typeof tls.connect;
  return () => {
    tls.connect = real;
  };
}

/** TLS in front of a server that speaks none. Resolves to its port. */
export function tlsFront({ cert, key }: { cert: Buffer; key: Buffer }, port: number): Promise<number> {
  return listen(tls.createServer({ cert, key }, (socket) => joined(socket, port)));
}

/** A door before a port: connection n, from 1, passes unless the guard keeps it. */
export function door(port: number, guard: (socket: Socket, n: number) => 'kept' | 'passes'): Promise<number> {
  let n = 0;
  return listen(
    createServer((socket) => {
      n += 1;
      socket.on('error', () => undefined);
      if (guard(socket, n) === 'passes') joined(socket, port);
    }),
  );
}

function joined(socket: Socket, port: number): void {
  const other = connect(port, '127.0.0.1');
  for (const [one, two] of [
    [socket, other],
    [other, socket],
  ] as const) {
    one.on('error', () => two.destroy());
    one.on('close', () => two.destroy());
  }
  socket.pipe(other).pipe(socket);
}

async function listen(server: ReturnType<typeof createServer> | tls.Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
